"""Where the interface listens."""

import asyncio
import socket

import pytest

from emotion_core.errors import ConfigError
from emotion_core.serve.server import listen
from emotion_core.serve.settings import ServeSettings


def test_answers_do_not_wait_for_the_last_ones_acknowledgement():
    """An answer is written in two pieces; without TCP_NODELAY the second waits for 40 ms."""
    found: list[int] = []

    async def accept(reader, writer):
        made = writer.get_extra_info("socket")
        found.append(made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def connect():
        with listen(ServeSettings(port=0)) as listening:
            async with await asyncio.start_server(accept, sock=listening):
                reader, writer = await asyncio.open_connection(*listening.getsockname()[:2])
                await reader.read()
                writer.close()

    asyncio.run(connect())
    assert found[0]


def test_a_taken_port_is_refused_by_its_number():
    with listen(ServeSettings(port=0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} "):
            listen(ServeSettings(port=port))
