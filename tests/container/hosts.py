"""Computers of a small network of their own, in namespaces of this machine: nothing leaves it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path


class Host:
    """A computer with interfaces and a file of host names of its own; files are this machine's.

    Args:
        names: Addresses by host name.
        folder: For the file of names.
    """

    def __init__(self, names: Mapping[str, str], folder: Path) -> None:
        lines = ["127.0.0.1 localhost", *(f"{place} {name}" for name, place in names.items())]
        folder.mkdir(parents=True, exist_ok=True)
        self.names = folder / "hosts"
        self.names.write_text("\n".join(lines) + "\n")
        script = f"mount --make-rprivate / && mount --bind {self.names} /etc/hosts"
        script += " && ip link set lo up && echo && exec sleep infinity"
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "sh", "-ec", script], stdout=subprocess.PIPE
        )
        assert self._holder.stdout
        assert self._holder.stdout.readline(), "the namespace was not made"

    @property
    def network(self) -> str:
        """The number of a process in it."""
        return str(self._holder.pid)

    @property
    def prefix(self) -> list[str]:
        """What runs a command on it."""
        return ["nsenter", f"--target={self.network}", "--net", "--mount", "--wd"]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its output is kept."""
        return subprocess.run(
            [*self.prefix, *command], capture_output=True, text=True, timeout=120, check=False
        )

    def close(self) -> None:
        """Remove it."""
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout
        self._holder.stdout.close()


def connect(one: Host, address: str, other: Host, its_address: str) -> None:
    """Lay a cable between two; addresses with the length of their prefix, as ``10.0.0.1/24``."""
    name = f"to-{other.network}"
    _ip(one, f"link add {name} type veth peer name to-{one.network} netns {other.network}")
    for host, link, place in ((one, name, address), (other, f"to-{one.network}", its_address)):
        _ip(host, f"address add {place} dev {link}")
        _ip(host, f"link set {link} up")


def route(host: Host, way: str) -> None:
    """Send all that is for unknown addresses to this one."""
    _ip(host, f"route add default via {way}")


def _ip(host: Host, words: str) -> None:
    done = host.run("ip", *words.split())
    assert done.returncode == 0, f"ip {words}: {done.stderr}"
