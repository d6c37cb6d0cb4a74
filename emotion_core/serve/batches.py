"""Faces of concurrent requests, classified together."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from emotion_core.labels import NUM_CLASSES

Classify = Callable[[np.ndarray], np.ndarray]


@dataclass(eq=False)
class _Share:
    """The faces of one request that wait for their probabilities."""

    faces: np.ndarray
    answer: "asyncio.Future[np.ndarray]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Batches:
    """Joins the faces of requests that are in work at the same time into batches.

    While one batch is classified, the faces that arrive make the next one. A batch waits for more
    only while other requests are in work that may bring some, and never longer than ``wait``.

    Args:
        classify: uint8 ``(N, 48, 48)`` to float32 ``(N, 7)``; called in one thread of its own.
        most: Faces of a batch; the faces of one request stay together.
        wait: Seconds.
        in_work: How many requests are in work, those that wait here among them.
        on_batch: Told the faces of each batch.
    """

    def __init__(
        self,
        classify: Classify,
        *,
        most: int,
        wait: float,
        in_work: Callable[[], int],
        on_batch: Callable[[int], object] = lambda count: None,
    ) -> None:
        self._classify, self._most, self._wait = classify, most, wait
        self._in_work, self._on_batch = in_work, on_batch
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="classify")
        self._waiting: list[_Share] = []
        self._arrived = asyncio.Event()

    async def probs(self, faces: np.ndarray) -> np.ndarray:
        """Probabilities float32 ``(N, 7)`` of faces uint8 ``(N, 48, 48)``."""
        if not len(faces):
            return np.zeros((0, NUM_CLASSES), np.float32)
        share = _Share(faces)
        self._waiting.append(share)
        self._arrived.set()
        return await share.answer

    async def run(self) -> None:
        """Classify what arrives until it is cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._gather()
                if not (shares := self._taken()):
                    continue
                faces = np.concatenate([share.faces for share in shares])
                self._on_batch(len(faces))
                try:
                    probs = await loop.run_in_executor(self._thread, self._classify, faces)
                except Exception as error:  # each caller is told, and the next batch is tried
                    _answer(shares, error)
                else:
                    ends = np.cumsum([len(share.faces) for share in shares])[:-1]
                    _answer(shares, np.split(probs, ends))
        finally:
            self._thread.shutdown(wait=False)

    async def _gather(self) -> None:
        """Wait for the first face, and a moment for those of other requests."""
        self._arrived.clear()
        if not self._waiting:
            await self._arrived.wait()
        try:
            async with asyncio.timeout(self._wait):
                while self._in_work() > len(self._waiting) and self._count() < self._most:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            pass

    def _count(self) -> int:
        return sum(len(share.faces) for share in self._waiting)

    def _taken(self) -> list[_Share]:
        """The oldest shares that fit into a batch, at least one; those of gone requests are dropped."""
        waiting = [share for share in self._waiting if not share.answer.done()]
        count, taken = 0, list[_Share]()
        for share in waiting:
            if taken and count + len(share.faces) > self._most:
                break
            taken.append(share)
            count += len(share.faces)
        self._waiting = waiting[len(taken) :]
        return taken


def _answer(shares: list[_Share], result: list[np.ndarray] | Exception) -> None:
    for number, share in enumerate(shares):
        if share.answer.done():  # its request has been given up
            continue
        if isinstance(result, Exception):
            share.answer.set_exception(result)
        else:
            share.answer.set_result(result[number])
