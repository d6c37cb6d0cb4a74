"""The seven emotions: one order, one set of colours, every known spelling."""

EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
NUM_CLASSES = len(EMOTIONS)

# Okabe & Ito (2008), a palette made for colour vision deficiencies; each tone has enough
# contrast against both a white and a near-black page.
COLORS: dict[str, str] = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "neutral": "#8A8A8A",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
}

_ALIASES: dict[str, str] = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "neutrality": "neutral",
}


def parse_emotion(name: str) -> int | None:
    """Label index of an emotion's name in any known spelling and letter case; None if unknown."""
    key = name.strip().lower()
    key = _ALIASES.get(key, key)
    return EMOTIONS.index(key) if key in EMOTIONS else None
