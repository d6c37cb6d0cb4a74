"""Demo mode, the sign-in form, and headers that protect every page."""

import asyncio
import tomllib

import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.access import host_allowed
from emotion_core.passwords import hash_password
from emotion_core.paths import PROJECT
from pages._ui import access as page_access
from pages._ui.server import Guard

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def password_file(tmp_path_factory):
    place = tmp_path_factory.mktemp("access") / "owner"
    place.write_text(hash_password(PASSWORD))
    return place


@pytest.fixture(autouse=True)
def no_earlier_guesses(monkeypatch):
    monkeypatch.setattr(page_access, "_attempts", page_access.Attempts(clock=lambda: 0.0))


@pytest.fixture
def menu(monkeypatch):
    """The sign-in part of the menu alone; a browser that is not local."""
    monkeypatch.setenv("EMOTION_ACCESS", "auto")

    def script():
        import streamlit as st

        from emotion_core.access import current_role
        from pages._ui import access

        access.install()
        access.show_access()
        st.text(current_role())

    return lambda: AppTest.from_function(script, default_timeout=60).run()


def test_whoever_is_not_local_gets_the_demo(menu):
    page = menu()
    assert not page.exception
    assert page.text[0].value == "demo"
    assert "Demo mode" in page.caption[0].value
    assert not page.text_input, "there is no owner who could sign in"


@pytest.mark.parametrize(
    ("mode", "role"), [("owner", "owner"), ("demo", "demo"), ("onwer", "demo")]
)
def test_the_setting_decides_for_every_visitor(menu, monkeypatch, mode, role):
    monkeypatch.setenv("EMOTION_ACCESS", mode)
    assert menu().text[0].value == role


def test_no_password_is_asked_for_without_https(menu, monkeypatch, password_file):
    monkeypatch.setenv("EMOTION_PASSWORD_FILE", str(password_file))
    page = menu()
    assert not page.text_input
    assert "needs HTTPS" in page.warning[0].value


def test_the_owner_signs_in_and_out(menu, monkeypatch, password_file):
    monkeypatch.setenv("EMOTION_PASSWORD_FILE", str(password_file))
    monkeypatch.setattr(page_access.access, "is_encrypted", lambda connection: True)
    page = menu()
    page.text_input[0].input("a wrong guess")
    page = page.button[0].click().run()
    assert (page.text[0].value, page.error[0].value) == ("demo", "Wrong password.")
    page.text_input[0].input(PASSWORD)
    page = page.button[0].click().run()
    assert page.text[0].value == "owner"
    assert (
        page_access._PASSWORD not in page.session_state
        or not page.session_state[page_access._PASSWORD]
    )
    page = page.button(key="access-out").click().run()
    assert page.text[0].value == "demo"


def test_guesses_of_many_sessions_count_together(menu, monkeypatch, password_file):
    monkeypatch.setenv("EMOTION_PASSWORD_FILE", str(password_file))
    monkeypatch.setattr(page_access.access, "is_encrypted", lambda connection: True)
    for _ in range(3):
        page = menu()
        page.text_input[0].input("a wrong guess")
        page.button[0].click().run()
    page = menu()
    page.text_input[0].input(PASSWORD)
    page = page.button[0].click().run()
    assert page.text[0].value == "demo"
    assert "Too many wrong passwords" in page.error[0].value


async def _answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a page"})


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:8501", 200), ("127.0.0.1", 200), ("evil.example:8501", 421)]
)
def test_answers_forbid_foreign_frames_and_foreign_names_get_none(host, status):
    sent = []

    async def keep(message):
        sent.append(message)

    scope = {"type": "http", "headers": [(b"host", host.encode())]}
    asyncio.run(Guard(_answer)(scope, None, keep))
    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == status
    assert (sent[1]["body"] == b"a page") is (status == 200)
    assert headers[b"content-security-policy"] == b"frame-ancestors 'self'"
    assert headers[b"x-frame-options"] == b"SAMEORIGIN"


def test_a_foreign_origin_makes_nobody_ask_for_the_public_address(monkeypatch):
    from streamlit.web.server.server_util import is_url_from_allowed_origins

    monkeypatch.setattr("requests.get", lambda *args, **kwargs: pytest.fail("somebody was asked"))
    assert not is_url_from_allowed_origins("https://evil.example")
    assert is_url_from_allowed_origins("http://localhost:8501")


@pytest.mark.parametrize(
    ("host", "names", "allowed"),
    [
        ("faces.example", ["faces.example"], True),
        ("a.faces.example", ["*.faces.example"], True),
        ("faces.example", ["*.faces.example"], False),
        ("evilfaces.example", ["*.faces.example"], False),
        ("anything", ["*"], True),
        ("anything", [], True),
        ("", ["localhost"], False),
    ],
)
def test_names_are_matched_as_streamlit_matches_them(host, names, allowed):
    from streamlit import config
    from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

    before = config.get_option("server.allowedHosts")
    config.set_option("server.allowedHosts", names)
    try:
        assert host_allowed(host, names) is is_host_allowed(host) is allowed
    finally:
        config.set_option("server.allowedHosts", before)


def test_the_printed_address_is_set_so_that_none_is_looked_up():
    config = tomllib.loads((PROJECT / ".streamlit/config.toml").read_text(encoding="utf-8"))
    assert config["browser"]["serverAddress"] == "127.0.0.1"
