"""Where onnxruntime-web's files are on this machine: an exported page carries a copy of them."""

import contextlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from emotion_core.access import Action, require
from emotion_core.errors import FetchError, ModelError
from emotion_core.files import sha256_file, write_bytes
from emotion_core.paths import PROJECT, cache_dir

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
# The build for the CPU alone; its checksums make the place that the files come from irrelevant.
SHA256 = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
_MOST = 64 * 1024**2  # bytes of one file
_SECONDS = 300


def runtime_files() -> list[Path]:
    """The two files, from the cache or from ``node_modules`` here or in the project.

    Raises:
        ModelError: they are in none of these places.
    """
    modules = Path("node_modules") / PACKAGE / "dist"
    for folder in (_own_folder(), modules, PROJECT / modules):
        paths = [folder / name for name in SHA256]
        with contextlib.suppress(OSError):
            if all(sha256_file(path) == SHA256[path.name] for path in paths):
                return paths
    raise ModelError(
        f"The web format needs the npm package {PACKAGE} {VERSION}, which is not on this machine. "
        f"Get it once: python -m emotion_core fetch {PACKAGE}"
    )


def fetch_runtime() -> Path:
    """Get the files with npm into the cache, unless they are there; none of its scripts runs.

    Returns:
        Their folder.

    Raises:
        FetchError: npm is missing or failed, or the files are not those expected.
    """
    require(Action.DOWNLOAD)
    with contextlib.suppress(ModelError):
        return runtime_files()[0].parent
    by_hand = f"Or in this folder: npm install --no-save --ignore-scripts {PACKAGE}@{VERSION}"
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(f"Fetching {PACKAGE} needs npm, which comes with Node.js. {by_hand}")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--ignore-scripts", "--silent", f"{PACKAGE}@{VERSION}"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise FetchError(f"npm did not answer within {_SECONDS} s. {by_hand}") from error
        if done.returncode:
            reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
            raise FetchError(f"npm could not fetch {PACKAGE} ({reason}). {by_hand}")
        archive = next(Path(folder).glob("*.tgz"))
        for name, data in _unpacked(archive).items():
            write_bytes(_own_folder() / name, data, parents=True)
    try:
        return runtime_files()[0].parent
    except ModelError as error:
        shutil.rmtree(_own_folder(), ignore_errors=True)
        raise FetchError(
            f"What npm brought is not {PACKAGE} {VERSION} as expected (other SHA-256); nothing was "
            f"kept. {by_hand}"
        ) from error


def _own_folder() -> Path:
    return cache_dir() / PACKAGE / VERSION


def _unpacked(archive: Path) -> dict[str, bytes]:
    """The files by name; nothing is unpacked to where the archive says."""
    found = {}
    try:
        with tarfile.open(archive, "r:gz") as members:
            for name in SHA256:
                member = members.getmember(f"package/dist/{name}")
                file = members.extractfile(member) if member.size <= _MOST else None
                if file is not None:
                    found[name] = file.read()
    except (OSError, KeyError, tarfile.TarError, EOFError) as error:
        raise FetchError(f"npm's archive of {PACKAGE} cannot be read ({error}).") from error
    return found
