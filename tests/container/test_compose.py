"""compose.yaml behind a real Caddy and a real coturn: page, sign-in, interface and video.

Three computers of a network of its own stand for the visitor, the machine with the public name, and
the network of the containers in it. Caddy issues its certificate itself, and the browser takes it.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from types import SimpleNamespace

import cv2
import pytest
import skimage.data
import yaml

from benchmarks import browser as live_browser
from benchmarks.live_page import LivePage, write_clip
from emotion_core.passwords import hash_password
from emotion_core.paths import PROJECT
from tests.container import image
from tests.container.compose import read_service
from tests.container.hosts import Host, connect, route
from tests.unit.serve.running import form

SITE = "faces.example.org"
PUBLIC, VISITOR = "203.0.113.1", "203.0.113.2"  # RFC 5737: for examples
GATEWAY, INNER = "172.18.0.1", "172.18.0.2"  # as Docker numbers the network of a project
OWNER, TURN_NAME, TURN_PASSWORD = "a long password", "video", "another-password"
TOKEN = "a-token-of-the-container-tests"


def missing() -> str:
    """Why this cannot be shown here; empty if it can."""
    programs = ("caddy", "turnserver", "turnutils_uclient", "turnutils_peer", "ip", "nsenter")
    lacking = [name for name in programs if not shutil.which(name)]
    if lacking:
        return f"no {', '.join(lacking)} (apt-get install caddy coturn iproute2 util-linux)"
    if live_browser.chromium_path() is None:
        return "no Chromium (apt-get install chromium)"
    return image.missing()


pytestmark = pytest.mark.timeout(3_600)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Visitor, site and inner network; nothing is passed on between visitor and inner network."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("hosts")
    with contextlib.ExitStack() as stack:
        hosts = []
        for name in ("visitor", "site", "inner"):
            names = {SITE: PUBLIC}
            names |= {"dashboard": INNER, "api": INNER} if name == "site" else {}
            hosts.append(Host(names, folder / name))
            stack.callback(hosts[-1].close)
        visitor, site, inner = hosts
        connect(visitor, f"{VISITOR}/24", site, f"{PUBLIC}/24")
        connect(site, f"{GATEWAY}/16", inner, f"{INNER}/16")
        route(inner, GATEWAY)
        assert site.run("sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward").returncode == 0
        yield SimpleNamespace(visitor=visitor, site=site, inner=inner)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    """The folder as docs/deploy.md lets one make it."""
    folder = tmp_path_factory.mktemp("project") / "secrets"
    folder.mkdir()
    (folder / "owner").write_text(hash_password(OWNER) + "\n")
    (folder / "token").write_text(TOKEN + "\n")
    for name in ("turnserver.conf", "secrets.toml"):
        text = (PROJECT / "docs/deploy" / name).read_text(encoding="utf-8")
        lines = [
            line
            if line.startswith("#")
            else line.replace("SITE", SITE)
            .replace("NAME", TURN_NAME)
            .replace("PASSWORD", TURN_PASSWORD)
            for line in text.splitlines()
        ]
        (folder / name).write_text("\n".join(lines) + "\n")
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


@contextlib.contextmanager
def running(process: subprocess.Popen, log, number: int | None = None):
    """A program that is still there at the end, and is then told to end."""
    try:
        yield process
        assert process.poll() is None, log.read_text()
        os.kill(number or process.pid, signal.SIGTERM)
        process.wait(30)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def services(network, secrets, tmp_path_factory, request):
    """The four services of compose.yaml; their logs by name."""
    built = request.getfixturevalue("built")  # after it is known that the rest can be had
    folder = tmp_path_factory.mktemp("services")
    logs = {name: folder / f"{name}.log" for name in ("dashboard", "api", "caddy", "turn")}
    with contextlib.ExitStack() as stack:
        out = {name: stack.enter_context(path.open("wb")) for name, path in logs.items()}
        for name in ("dashboard", "api"):
            service = read_service(name, SITE=SITE)
            binds = {secrets.parent / file: target for file, target in service.secrets.items()}
            process = image.inside(
                built,
                [*built.entrypoint, *service.command],
                env=service.environment,
                read_only=True,
                binds=binds | {network.inner.names: "/etc/hosts"},
                prefix=network.inner.prefix,
                stdout=out[name],
                stderr=subprocess.STDOUT,
            )
            stack.enter_context(running(process, logs[name], image.first_process(process)))
        # As compose.yaml mounts it, with certificates of its own instead of a public authority's.
        own = "{\n\tlocal_certs\n\tskip_install_trust\n\tadmin off\n}\n"
        (folder / "Caddyfile").write_text(own + f"import {PROJECT / 'docs/deploy/Caddyfile'}\n")
        caddy = ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
        turn = [word.replace("/run/secrets", str(secrets)) for word in read_service("turn").command]
        places = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "caddy"), "SITE": SITE}
        for name, command in (("caddy", caddy), ("turn", ["turnserver", *turn])):
            process = subprocess.Popen(
                [*network.site.prefix, *command],
                env=os.environ | places,
                stdout=out[name],
                stderr=subprocess.STDOUT,
            )
            stack.enter_context(running(process, logs[name]))
        until(lambda: asked(network, "/_stcore/health").stdout == "ok", "page", logs["dashboard"])
        until(lambda: asked(network, "/openapi.json", TOKEN).stdout, "interface", logs["api"])
        yield logs


def until(holds, what: str, log, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"no {what}\n{log.read_text()}"
        time.sleep(0.5)


def asked(network, path: str, token: str = "", *options: str) -> subprocess.CompletedProcess[str]:
    """The visitor's curl; the body, and nothing if the status tells of an error."""
    header = ["-H", f"Authorization: Bearer {token}"] if token else []
    return network.visitor.run(
        "curl", "-ksf", "-m", "60", *header, *options, f"https://{SITE}{path}"
    )


@pytest.fixture(scope="module")
def visitor_browser(network, services, tmp_path_factory):
    """A Chromium on the visitor's computer, with a smiling face before its camera."""
    folder = tmp_path_factory.mktemp("browser")
    program = folder / "chromium"
    command = " ".join([*network.visitor.prefix, live_browser.chromium_path()])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    photo = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)[20:220, 124:324]
    clip = write_clip(folder / "face.mjpeg", cv2.resize(photo, (360, 360)), seconds=2)
    with pytest.MonkeyPatch.context() as patch, live_browser.playwright() as found:
        patch.setenv("CHROMIUM", str(program))
        browser = live_browser.open_browser(found, clip)
        yield browser
        browser.close()


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="no docker-compose (apt-get)")
def test_docker_compose_understands_the_file():
    done = subprocess.run(
        ["docker-compose", "--file", str(PROJECT / "compose.yaml"), "config"],
        env=os.environ | {"SITE": SITE},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert set(services) == {"dashboard", "api", "caddy", "turn"}
    for name in ("dashboard", "api"):
        assert services[name]["command"] == read_service(name, SITE=SITE).command
        assert services[name]["environment"] == read_service(name, SITE=SITE).environment


def test_a_visitor_sees_the_demo_and_the_owner_signs_in(visitor_browser, services):
    page = visitor_browser.new_context(ignore_https_errors=True).new_page()
    page.set_default_timeout(120_000)
    sockets = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    answer = page.goto(f"http://{SITE}/")
    assert page.url == f"https://{SITE}/", "plain HTTP leads to HTTPS"
    assert answer.headers["strict-transport-security"]
    page.get_by_text("Demo mode").wait_for()
    assert [url for url in sockets if url.startswith(f"wss://{SITE}/_stcore/stream")]
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Owner's password").fill("a wrong guess")
    page.get_by_role("button", name="Sign in").last.click()
    page.get_by_text("Wrong password.").wait_for()
    page.get_by_label("Owner's password").fill(OWNER)
    page.get_by_role("button", name="Sign in").last.click()
    page.get_by_role("button", name="Sign out").wait_for()
    assert page.get_by_text("Demo mode").count() == 0
    page.context.close()


def test_the_interface_answers_with_the_token_alone(network, services, tmp_path):
    ok, photo = cv2.imencode(".png", skimage.data.astronaut()[:, :, ::-1])
    assert ok
    path = tmp_path / "woman.png"
    path.write_bytes(photo.tobytes())
    found = json.loads(asked(network, "/v1/predict", TOKEN, "-F", f"files=@{path}").stdout)
    assert found["images"][0]["faces"][0]["emotion"] == "happy"
    status = ("-o", "/dev/null", "-w", "%{http_code}")
    told = network.visitor.run("curl", "-ks", *status, f"https://{SITE}/v1/models")
    assert told.stdout == "401"
    # /metrics is the interface's, and not to be reached: the dashboard answers with its page.
    assert "emotion_" not in asked(network, "/metrics", TOKEN).stdout
    path.write_bytes(form([bytes(17_000_000)]))
    told = network.visitor.run(
        *("curl", "-ks", *status, "-H", f"Authorization: Bearer {TOKEN}", "-F", f"files=@{path}"),
        f"https://{SITE}/v1/predict",
    )
    assert told.stdout == "413"


def test_the_relay_carries_packets_to_the_dashboard_and_into_no_private_network(network, services):
    peer = subprocess.Popen(
        [*network.inner.prefix, "turnutils_peer", "-L", INNER, "-p", "3480"],
        stdout=subprocess.DEVNULL,
    )
    try:
        client = ("turnutils_uclient", "-n", "20", "-m", "1", "-r", "3480", "-u", TURN_NAME)
        done = network.visitor.run(*client, "-w", TURN_PASSWORD, "-e", INNER, PUBLIC)
        assert "Total lost packets 0 (0.000000%)" in done.stdout, done.stdout + done.stderr
        wrong = network.visitor.run(*client, "-w", "a guess", "-e", INNER, PUBLIC)
        assert "Cannot complete Allocation" in wrong.stdout
        private = network.visitor.run(*client, "-w", TURN_PASSWORD, "-e", "192.168.0.1", PUBLIC)
        assert "403" in private.stdout, private.stdout
        # With TCP a visitor could ask the dashboard past Caddy.
        tcp = network.visitor.run(*client, "-t", "-T", "-w", TURN_PASSWORD, "-e", INNER, PUBLIC)
        assert "TCP Transport is not allowed" in tcp.stdout, tcp.stdout
    finally:
        peer.kill()
        peer.wait()


def test_video_of_a_visitor_without_a_way_to_the_dashboard_goes_by_the_relay(
    network, services, visitor_browser
):
    assert "unreachable" in network.visitor.run("ip", "route", "get", INNER).stderr
    server = SimpleNamespace(url=f"https://{SITE}", census=lambda: {"streams": {"0": {}}})
    live = LivePage(visitor_browser, server, ignore_https_errors=True)
    live._context.add_init_script(_KEEP_CONNECTIONS)
    live.open()
    live.start()
    kinds = live.until(lambda: live.component().evaluate(_KINDS), "pair of addresses")
    assert "relay" in kinds
    before = live.decoded_frames()
    live.until(lambda: live.decoded_frames() > before + 5, "further frames")
    assert live.foreign == []
    live.close()


_KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.connections.push(this); }
};
"""
# Kinds of the two addresses between which packets go.
_KINDS = """async () => {
  for (const connection of window.connections) {
    const stats = await connection.getStats();
    for (const entry of stats.values()) {
      if (entry.type !== 'candidate-pair' || !entry.nominated || entry.state !== 'succeeded') continue;
      return [stats.get(entry.localCandidateId), stats.get(entry.remoteCandidateId)]
        .map(candidate => candidate.candidateType);
    }
  }
  return null;
}"""
