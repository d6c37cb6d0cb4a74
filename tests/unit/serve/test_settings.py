"""What the server refuses to start with."""

import pytest

from emotion_core.cli import main
from emotion_core.errors import ConfigError
from emotion_core.serve.settings import ServeSettings, is_loopback, read_token

TOKEN = "a-token-of-twenty-letters"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "faces.example"])
def test_others_reach_the_server_only_with_a_token(host):
    with pytest.raises(ConfigError, match=r"needs a token: .* --token-file token\.$"):
        ServeSettings(host=host)
    assert ServeSettings(host=host, token=TOKEN).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1", "[::1]"])
def test_this_computer_needs_no_token(host):
    assert is_loopback(host) and ServeSettings(host=host).token == ""


@pytest.mark.parametrize("token", ["short", "with blanks in the middle", "t" * 20 + "\n", "é" * 20])
def test_a_weak_or_unsendable_token_is_refused(token):
    with pytest.raises(ConfigError, match="at least 16 characters, ASCII without blanks"):
        ServeSettings(token=token)


def test_a_token_is_read_from_a_file(tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert read_token(str(tmp_path / "token")) == TOKEN
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        read_token(str(tmp_path / "empty"))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_token(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--max-requests 0", "--max-requests must be 1 to 1024, got 0."),
        ("--timeout nan", "--timeout must be 0.05 to 600, got nan."),
        ("--max-megapixels 1e9", "--max-megapixels must be 0.01 to 80"),
        ("--port 70000", "--port must be 0 to 65535"),
        ("--host 0.0.0.0", "needs a token"),
        ("--host 203.0.113.9 --token a-token-of-twenty-letters", "cannot listen on 203.0.113.9"),
        ("--port 0 no-such-run", "No run"),
    ],
)
def test_a_wrong_flag_is_one_line_and_code_2(flags, says, capsys):
    assert main(["serve", *flags.split()]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
