"""The judging process as the hub holds it: started for one wish, killed when nobody waits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncGenerator
from typing import Any

import anyio

from edge.base.clock import parse_utc
from edge.base.errors import CamwatchError
from edge.trace.trial import Judged, Slice

MAX_LINE_BYTES = 2**22


async def judge(wish: dict[str, Any]) -> AsyncGenerator[Slice]:
    """What the worker says. Ending the iteration ends the process.

    Raises CamwatchError where it says that it cannot, or fails.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.trials.worker", stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, limit=MAX_LINE_BYTES,
    )  # fmt: skip
    try:
        if process.stdin is None or process.stdout is None:
            raise CamwatchError("the judging process has no pipes")
        with contextlib.suppress(ConnectionError):  # its end is told below
            process.stdin.write(json.dumps(wish).encode())
            await process.stdin.drain()
        process.stdin.close()
        async for line in process.stdout:
            yield _slice(json.loads(line))
        if status := await process.wait():
            raise CamwatchError(f"the judging process ended with status {status}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with anyio.CancelScope(shield=True):  # also when whoever asked has gone
            await process.communicate()  # to the end of its output, so that its pipes are closed


def _slice(said: dict[str, Any]) -> Slice:
    if "error" in said:
        raise CamwatchError(said["error"])
    return Slice(
        parse_utc(said["since_utc"]),
        parse_utc(said["until_utc"]),
        tuple(Judged(event, outcome, box and tuple(box)) for event, outcome, box in said["judged"]),
        tuple(parse_utc(each) for each in said["new"]),
    )
