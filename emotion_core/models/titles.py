"""How architectures and recipes are called in front of people; code names stay as they are."""

TITLES = {
    "block_cnn": "Block CNN",
    "densenet121": "DenseNet-121",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "emotion_net": "Emotion Net",
    "hog_svm": "HOG + SVM",
    "mobilenet_v1": "MobileNet",
    "mobilenet_v3_small": "MobileNet V3 small",
    "plain_cnn": "Plain CNN",
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "sequential": "Sequential",
}


def model_title(name: str) -> str:
    """The display name of an architecture; its code name where it has none."""
    return TITLES.get(name, name)


def recipe_title(recipe: str) -> str:
    """A recipe in words."""
    return "study recipe" if recipe == "study" else "our recipe"
