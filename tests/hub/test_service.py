"""How the hub ends."""

from __future__ import annotations

import asyncio

import pytest

from hub import service


def test_a_task_that_failed_keeps_no_other_from_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """Which one it was is logged; what comes after the tasks' end is not skipped."""
    ended = []

    async def fail() -> None:
        raise ValueError("broken")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    async def run() -> None:
        tasks = [
            asyncio.create_task(fail(), name="roll-outs"),
            asyncio.create_task(work(), name="sweep"),
        ]
        await asyncio.sleep(0)
        await service.end(tasks)
        ended.append("all")

    asyncio.run(run())
    assert ended == ["work", "all"]
    assert "roll-outs ended by an error" in caplog.text
    assert "broken" in caplog.text
    assert "sweep" not in caplog.text
