"""The seven emotions: one order, one set of colours, every known spelling."""

import re

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
    **dict.fromkeys(("anger", "angery", "mad"), "angry"),
    **dict.fromkeys(("disgusted", "disgusting", "disguist", "digust"), "disgust"),
    **dict.fromkeys(("fearful", "fearfull", "afraid", "scared"), "fear"),
    **dict.fromkeys(("happiness", "happines", "joy", "joyful"), "happy"),
    **dict.fromkeys(("neutrality", "neutrals", "nuetral", "netural"), "neutral"),
    **dict.fromkeys(("sadness", "sadnes"), "sad"),
    **dict.fromkeys(("surprised", "suprise", "suprised", "surprize", "surprice"), "surprise"),
}
# What stands beside an emotion in a folder's name, as in "03_happy faces".
_BESIDE = {"face", "faces", "image", "images", "imgs", "picture", "pictures", "emotion", "class"}


def parse_emotion(name: str) -> int | None:
    """Label index of an emotion's name in any known spelling and letter case; None if unknown.

    A number and words such as "faces" may stand beside it: "3_happy" is happy, "not_happy" is not.
    """
    words = set(re.findall(r"[^\W\d_]+", name.lower())) - _BESIDE
    if len(words) != 1:
        return None
    word = words.pop()
    word = _ALIASES.get(word, word)
    return EMOTIONS.index(word) if word in EMOTIONS else None
