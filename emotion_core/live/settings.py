"""Settings of the live pipeline; all can change while it runs."""

from dataclasses import dataclass

from emotion_core.config import Config, setting


@dataclass(frozen=True, kw_only=True)
class LiveConfig(Config):
    """How faces are found, followed and named."""

    detector: str = setting(
        "auto",
        "face detector; auto is YuNet where its file is present, else Haar",
        choices=("auto", "yunet", "haar"),
    )
    threshold: float = setting(
        0.4, "smoothed probability below which a face is called uncertain", low=0, high=1
    )
    half_life: float = setting(
        0.25, "seconds after which an old frame counts half; 0 turns smoothing off", low=0, high=5
    )
    margin: float = setting(
        0.08, "lead in probability that another emotion needs to take over", low=0, high=1
    )
    overlay: bool = setting(False, "draw frame rate and latency into the picture")
    budget_ms: float = setting(
        10.0,
        "time a frame may take on average; decides how often faces are searched",
        low=1,
        high=1000,
    )
    detect_side: int = setting(
        0,
        "longer side in pixels of the picture that faces are searched in; 0 is the detector's best",
        low=0,
        high=1920,
    )
    min_face: int = setting(32, "smallest face in pixels of the frame", low=8, high=1000)
    max_faces: int = setting(8, "most faces followed at once, largest first", low=1, high=64)
