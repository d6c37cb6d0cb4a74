"""What several kinds of tests need: a network that has learned nothing, a video of a face."""

import io

import av
import cv2
import skimage.data
import torch

from emotion_core.models.checkpoint import save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.runs import Run


def write_untrained(run: Run, seed: int) -> None:
    """Give a run the fresh weights of a small network."""
    torch.manual_seed(seed)
    model, options = create_model("sequential", width=8), {"width": 8}
    save_checkpoint(run, model, architecture="sequential", options=options, preprocess=Preprocess())


def face_clip(rate: int, count: int) -> bytes:
    """An MP4 of ``count`` equal frames of one face."""
    out = io.BytesIO()
    face = cv2.resize(skimage.data.astronaut(), (256, 256))
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, width=256, height=256)
        stream.pix_fmt = "yuv420p"
        for _ in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(face, format="rgb24")))
        container.mux(stream.encode(None))
    return out.getvalue()
