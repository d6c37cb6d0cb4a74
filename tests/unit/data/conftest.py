"""Small real data sets in every form, drawn once a session."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from emotion_core.data.faces import SPLITS, FaceData
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.data.table import CSV_ORDER
from emotion_core.labels import EMOTIONS
from emotion_core.paths import PROJECT


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> Path:
    """Each test parses for itself."""
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def faces() -> FaceData:
    """140 drawn faces whose val joins train, as FER-2013 has no val."""
    data = synthetic_faces(140, seed=7)
    data.splits[data.splits == 1] = 0
    return data


class Writer:
    """Writes the same faces in every form that users have."""

    def __init__(self, data: FaceData) -> None:
        self.data = data

    def rows(self):
        """Yield (split, emotion, name, image)."""
        for image, label, split, name in zip(
            self.data.images, self.data.labels, self.data.splits, self.data.ids, strict=True
        ):
            yield SPLITS[split], EMOTIONS[label], str(name), image

    def png(self, image: np.ndarray) -> bytes:
        return cv2.imencode(".png", image)[1].tobytes()

    def folder(self, root: Path, spell=str) -> Path:
        for split, emotion, name, image in self.rows():
            place = root / spell(split) / spell(emotion)
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{name}.png").write_bytes(self.png(image))
        return root

    def zip(self, path: Path, prefix: str = "") -> Path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for split, emotion, name, image in self.rows():
                archive.writestr(f"{prefix}{split}/{emotion}/{name}.png", self.png(image))
        return path

    def csv(self, path: Path, header=("emotion", "pixels", "Usage")) -> Path:
        with path.open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(header)
            for split, emotion, _, image in self.rows():
                kind = "Training" if split == "train" else "PrivateTest"
                row = {
                    "emotion": CSV_ORDER.index(emotion),
                    "pixels": " ".join(map(str, image.ravel())),
                    "usage": kind,
                }
                out.writerow([row[column.strip().lower()] for column in header])
        return path

    def numpy_dict(self, path: Path, scale: bool = False, channel: bool = False) -> Path:
        content = {}
        for code, split in enumerate(SPLITS):
            chosen = self.data.splits == code
            if not chosen.any():
                continue
            images = self.data.images[chosen]
            if scale:
                images = images.astype(np.float32) / 255
            if channel:
                images = images[..., None]
            names = np.array([EMOTIONS[label] for label in self.data.labels[chosen]])
            content[split] = (images, names)
        np.save(path, content, allow_pickle=True)
        return path

    def parquet(self, folder: Path, names: list[str] | None) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder.mkdir()
        order = names or list(EMOTIONS)
        for wanted in ("train", "test"):
            rows = [
                {"image": {"bytes": self.png(image), "path": None}, "label": order.index(emotion)}
                for split, emotion, _, image in self.rows()
                if split == wanted
            ]
            table = pa.Table.from_pylist(rows)
            if names:
                features = {"label": {"names": names, "_type": "ClassLabel"}}
                note = json.dumps({"info": {"features": features}})
                table = table.replace_schema_metadata({"huggingface": note})
            pq.write_table(table, folder / f"{wanted}-00000-of-00001.parquet")
        return folder


@pytest.fixture(scope="session")
def write(faces) -> Writer:
    return Writer(faces)


@pytest.fixture(scope="session")
def fer2013(tmp_path_factory) -> Path:
    """FER-2013 as a folder tree or another form that ``load_data`` reads."""
    named = os.environ.get("FER2013_DIR")
    if named and Path(named).exists():
        return Path(named)
    unpack = PROJECT.parent / "shared" / "data" / "unpack_fer2013.py"
    if not unpack.exists():
        pytest.skip("FER-2013 is not here: set FER2013_DIR to test with it")
    target = tmp_path_factory.mktemp("fer2013") / "fer2013.csv"
    subprocess.run(
        [sys.executable, str(unpack), str(target), "--layout", "csv"],
        check=True,
        capture_output=True,
    )
    return target
