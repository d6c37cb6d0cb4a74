"""Which STUN and TURN servers video connections may use."""

from collections.abc import Mapping
from typing import Any

from emotion_core.errors import ConfigError


def ice_configuration(secrets: Mapping[str, Any]) -> dict[str, Any]:
    """Which STUN and TURN servers connections may use; none unless ``secrets`` names them.

    Without servers a connection works on this computer and in the local network, and no packet
    leaves it. An unset configuration would mean Google's.

    Args:
        secrets: Parsed ``.streamlit/secrets.toml``; its table ``webrtc`` may have
            ``ice_servers``, a list of tables with ``urls``, ``username`` and ``credential``.

    Raises:
        ConfigError: the entry has another form.
    """
    servers = secrets.get("webrtc", {}).get("ice_servers", [])
    found = []
    for server in servers:
        if not isinstance(server, Mapping) or not server.get("urls"):
            raise ConfigError(
                "webrtc.ice_servers in secrets.toml must be a list of tables with 'urls', such "
                f'as {{ urls = ["turn:example.org:3478"], username = "...", credential = "..." }}; '
                f"got an entry of type {type(server).__name__}."
            )
        urls = server["urls"]
        entry: dict[str, object] = {"urls": [urls] if isinstance(urls, str) else list(urls)}
        found.append(entry | {k: str(server[k]) for k in ("username", "credential") if k in server})
    return {"iceServers": found}
