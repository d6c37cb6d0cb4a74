"""Faces of several callers in one batch, and what happens when one fails or goes."""

import asyncio
import time

import numpy as np
import pytest

from emotion_core.serve.batches import Batches


def faces_of(*values: int) -> np.ndarray:
    return np.array(values, np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)


def answers(faces: np.ndarray) -> np.ndarray:
    return faces[:, 0, :7].astype(np.float32)


def run_together(work, classify=answers, *, most=64, wait=0.2, in_work=100):
    """Run ``work(batches)`` with batches in the background; returns its result and batch sizes."""
    sizes: list[int] = []

    async def main():
        batches = Batches(
            classify, most=most, wait=wait, in_work=lambda: in_work, on_batch=sizes.append
        )
        task = asyncio.create_task(batches.run())
        try:
            return await work(batches)
        finally:
            task.cancel()

    return asyncio.run(main()), sizes


def test_faces_of_several_requests_are_one_batch_and_each_gets_its_own():
    async def work(batches):
        return await asyncio.gather(*(batches.probs(faces_of(n, n + 1)) for n in (1, 5, 9)))

    found, sizes = run_together(work)
    assert [rows[:, 0].tolist() for rows in found] == [[1, 2], [5, 6], [9, 10]]
    assert sizes == [6]


def test_a_batch_is_not_larger_than_allowed_but_one_request_stays_together():
    async def work(batches):
        parts = [faces_of(1, 2), faces_of(*range(10)), faces_of(3)]
        return await asyncio.gather(*map(batches.probs, parts))

    found, sizes = run_together(work, most=4)
    assert [len(rows) for rows in found] == [2, 10, 1]
    assert sizes == [2, 10, 1]


def test_nobody_waits_when_no_other_request_is_in_work():
    async def work(batches):
        start = time.monotonic()
        await batches.probs(faces_of(1))
        return time.monotonic() - start

    seconds, _ = run_together(work, wait=60.0, in_work=1)
    assert seconds < 30


def test_the_wait_for_others_ends():
    async def work(batches):
        return await batches.probs(faces_of(4))

    found, sizes = run_together(work, wait=0.05, in_work=2)
    assert found[0, 0] == 4 and sizes == [1]


def test_no_faces_need_no_batch():
    async def work(batches):
        return await batches.probs(np.zeros((0, 48, 48), np.uint8))

    found, sizes = run_together(work)
    assert found.shape == (0, 7) and sizes == []


def test_a_failure_reaches_each_caller_of_the_batch_and_the_next_batch_is_tried():
    calls = []

    def classify(faces):
        calls.append(len(faces))
        if len(calls) == 1:
            raise MemoryError("no room")
        return answers(faces)

    async def work(batches):
        failed = await asyncio.gather(
            *(batches.probs(faces_of(n)) for n in (1, 2)), return_exceptions=True
        )
        return failed, await batches.probs(faces_of(7))

    (failed, after), _ = run_together(work, classify)
    assert [type(error) for error in failed] == [MemoryError, MemoryError]
    assert after[0, 0] == 7


def test_faces_of_a_request_that_was_given_up_are_not_classified():
    async def work(batches):
        gone = asyncio.create_task(batches.probs(faces_of(1)))
        await asyncio.sleep(0)
        gone.cancel()
        found = await batches.probs(faces_of(2))
        with pytest.raises(asyncio.CancelledError):
            await gone
        return found

    found, sizes = run_together(work, wait=0.05)
    assert found[0, 0] == 2 and sizes == [1]
