"""The Dockerfile's own steps in a Debian root, for machines that reach no registry of images.

A small part of the format is understood, and anything else is an error: a step that is not carried out
would prove nothing. Each step runs in namespaces of its own for mounts and processes, so that neither
outlives it, and a started program has process 1 as in a container.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from emotion_core.paths import PROJECT

SUITE = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
_UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
_BINARIES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    """One stage of the Dockerfile, and after its steps an image."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": _BINARIES})
    workdir: str = "/"
    user: str = ""
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)


def missing() -> str:
    """Why images cannot be built here; empty if they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a Debian root needs Linux and root's rights"
    needed = ("debootstrap", "unshare", "chroot", "setpriv")
    lacking = [name for name in needed if not shutil.which(name)]
    if lacking:
        return f"no {', '.join(lacking)} (apt-get install debootstrap util-linux)"
    tried = subprocess.run([*_UNSHARE, "true"], capture_output=True)
    return "" if tried.returncode == 0 else "namespaces are not allowed here"


def build(folder: Path, **arguments: str) -> Stage:
    """Carry out the Dockerfile in ``folder``; the last stage is the image.

    An image that a former call finished there is taken as it is: remove the folder to build anew.
    """
    finished = folder / "image.json"
    if finished.exists():
        stored = json.loads(finished.read_text())
        return Stage(**stored | {"root": Path(stored["root"])})
    base = folder / "base"
    if not base.exists():
        _debian(folder / "base.new").rename(base)
    stages: dict[str, Stage] = {}
    stage = None
    for word, rest in steps((PROJECT / "Dockerfile").read_text()):
        if word == "FROM":
            name = rest.partition(" AS ")[2] or "image"
            root = folder / name
            if root.exists():  # of a call that failed
                shutil.rmtree(root)
            subprocess.run(["cp", "--archive", str(base), str(root)], check=True)
            stage = stages[name] = Stage(root)
        elif stage is None:
            assert word == "ARG", word
        else:
            _carry_out(stage, stages, word, rest, arguments)
    image = stages["image"]
    finished.write_text(json.dumps(asdict(image), default=str))
    return image


def _debian(root: Path) -> Path:
    """What stands for the image of Python: Debian with its own Python, and nothing else."""
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for name in ("python", "python3"):  # where the images of Python have it
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    # The images of Debian hold neither packages nor their lists.
    for place in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / place)
        (root / place).mkdir()
    return root


def steps(text: str) -> list[tuple[str, str]]:
    """Instructions with their arguments, in order."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [(word, rest) for word, rest in pairs]


def _carry_out(
    stage: Stage, stages: dict[str, Stage], word: str, rest: str, arguments: dict[str, str]
) -> None:
    if word == "ARG":
        name, _, default = rest.partition("=")
        stage.env[name] = arguments.get(name, default.strip('"'))
    elif word == "ENV":
        for item in shlex.split(rest):
            name, _, value = item.partition("=")
            stage.env[name] = value.replace("$PATH", stage.env["PATH"])
    elif word == "RUN":
        inside(stage, ["/bin/sh", "-c", rest], check=True)
    elif word == "COPY":
        _copy(stage, stages, rest)
    elif word == "WORKDIR":
        stage.workdir = rest
        (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif word == "USER":
        stage.user = rest
    elif word in ("ENTRYPOINT", "CMD"):
        setattr(stage, "entrypoint" if word == "ENTRYPOINT" else "command", json.loads(rest))
    elif word == "HEALTHCHECK":
        stage.health = json.loads(rest.partition(" CMD ")[2])
    elif word not in ("VOLUME", "EXPOSE"):  # of these nothing is built
        raise ValueError(f"{word} is not understood here.")


def _copy(stage: Stage, stages: dict[str, Stage], rest: str) -> None:
    *sources, target = rest.split()
    place = stage.root / str(Path(stage.workdir) / target).lstrip("/")
    if sources[0].startswith("--from="):
        origin = stages[sources.pop(0).partition("=")[2]].root
        assert len(sources) == 1
        place.parent.mkdir(parents=True, exist_ok=True)
        path = origin / sources[0].lstrip("/")
        subprocess.run(["cp", "--archive", "--link", str(path), str(place)], check=True)
        return
    for source in sources:
        for name in _files(source):
            into = place / name if source == "." else place / Path(name).relative_to(source)
            if (PROJECT / source).is_file():
                into = place / Path(source).name if target.endswith("/") else place
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, into)


def _files(source: str) -> list[str]:
    """Files of the project, as .dockerignore lets them through: none of this machine's own."""
    listed = ["git", "ls-files", "-co", "--exclude-standard", "--deduplicate", "--", source]
    done = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True)
    found = [name for name in done.stdout.splitlines() if (PROJECT / name).is_file()]
    assert found, f"COPY {source}: there is no such file"
    return found


def inside(
    stage: Stage,
    command: list[str],
    *,
    env: dict[str, str] | None = None,
    read_only: bool = False,
    binds: dict[Path, str] | None = None,
    prefix: Sequence[str] = (),
    check: bool = False,
    **options,
) -> subprocess.Popen:
    """Start a command in the image, as its user; what pip is set up with here holds there, too.

    Args:
        stage: The image.
        command: Program and arguments; it becomes process 1.
        env: Further variables.
        read_only: As ``docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt
            no-new-privileges`` with an empty volume on /data.
        binds: Files and folders of this machine, and where they are shown there, read-only.
        prefix: What runs the command elsewhere, as ``Host.prefix``.
        check: Wait, and raise unless it succeeds.
        options: For ``subprocess.Popen``.
    """
    if not read_only:
        binds = {path: str(path) for path in pip_places()} | (binds or {})
    root = shlex.quote(str(stage.root))
    # Where something is mounted is made before the root is read-only, or in the new volume.
    places = [_place(path, f"{stage.root}{target}") for path, target in (binds or {}).items()]
    mounts = ["mount --make-rprivate /", *places, f"mount --bind {root} {root}"]
    mounts += [f"mount --rbind /dev {root}/dev", f"mount -t proc proc {root}/proc"]
    if read_only:
        mounts += [f"mount -o remount,bind,ro {root}"]
        mounts += [f"mount -t tmpfs -o nosuid,nodev,noexec tmpfs {root}/tmp"]
        mounts += [f"mount -t tmpfs -o mode=0755 tmpfs {root}/data"]
        mounts += [f"chroot {root} chown {stage.user}: /data", *places]
    else:
        mounts += [f"cp /etc/resolv.conf {root}/etc/resolv.conf"]
    for path, target in (binds or {}).items():
        there = shlex.quote(f"{stage.root}{target}")
        mounts += [f"mount --bind {path} {there}", f"mount -o remount,bind,ro {there}"]
    inner = f"cd {shlex.quote(stage.workdir)} && exec {shlex.join(command)}"
    program = f"/bin/sh -c {shlex.quote(inner)}"
    if stage.user:
        rights = "--init-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
        program = f"setpriv --reuid={stage.user} --regid={stage.user} {rights} {program}"
    script = " && ".join([*mounts, f"exec chroot {root} {program}"])
    variables = {} if read_only else {k: v for k, v in os.environ.items() if k.startswith("PIP_")}
    process = subprocess.Popen(
        [*prefix, *_UNSHARE, "sh", "-ec", script],
        env=variables | stage.env | (env or {}),
        **options,
    )
    if check and process.wait():
        raise RuntimeError(f"{shlex.join(command)} failed with code {process.returncode}.")
    return process


def _place(path: Path, target: str) -> str:
    """The command that makes a place on which ``path`` can be shown, unless there is one."""
    place, above = shlex.quote(target), shlex.quote(str(Path(target).parent))
    made = f"mkdir -p {place}" if path.is_dir() else f"{{ mkdir -p {above} && touch {place}; }}"
    return f"{{ [ -e {place} ] || {made}; }}"


def first_process(process: subprocess.Popen) -> int:
    """The number that process 1 of a started image has on this machine."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not (found := children.read_text().split()):  # it is made in a moment
        assert process.poll() is None, f"it ended with code {process.returncode}"
        time.sleep(0.05)
    return int(found[0])


def pip_places() -> list[Path]:
    """Files and folders of this machine that pip's settings name, and its settings themselves."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "debug"], capture_output=True, text=True, check=True
    )
    settings = re.findall(r"^\s+(/\S+), exists: True", done.stdout, re.MULTILINE)
    texts = [done.stdout, *(Path(path).read_text() for path in settings)]
    named = re.findall(r"(?:file://|[\s='\"])(/[^\s'\",]+)", "\n".join(texts))
    found = {Path(name) for name in [*settings, *named] if Path(name).exists()}
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    found = {path for path in found if path != Path("/") and path.parts[1] in ("etc", "opt", "srv")}
    return sorted(found | ({certificates} if certificates.exists() else set()))
