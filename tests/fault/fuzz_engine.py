"""Mutated inputs for parsers: seeds changed in a few places, and what became of each.

Everything is seeded, so a failure comes again; its input is printed. A target's `call` may return
or raise one of its `errors`; anything else is a defect.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

NUMBERS = (b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff" * 4, b"\x00" * 8)
MAX_SHOWN_BYTES = 3000


@dataclass(frozen=True)
class Target:
    """One parser: true inputs to start from, and how many mutations it gets at scale 1."""

    name: str
    seeds: Sequence[bytes]
    call: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    inputs: int
    pieces: Sequence[bytes] = field(default=NUMBERS)


@dataclass(frozen=True)
class Outcome:
    """What a target did with its inputs."""

    name: str
    taken: int
    refused: int
    worst_s: float


class DefectError(AssertionError):
    """A parser raised what it must not."""


def run(target: Target, scale: int) -> Outcome:
    """Feed the seeds and `inputs` times `scale` mutations. Raises DefectError."""
    rng = random.Random(f"{target.name}/{scale}")
    taken = refused = 0
    worst_s = 0.0
    inputs = [*target.seeds] if scale == 1 else []
    for number in range(max(target.inputs * scale, len(inputs))):
        data = inputs[number] if number < len(inputs) else mutated(rng, target)
        began_s = time.monotonic()
        try:
            target.call(data)
        except target.errors:
            refused += 1
        except Exception as err:
            shown = data[:MAX_SHOWN_BYTES]
            raise DefectError(f"{target.name}, input {number}: {err!r} for {shown!r}") from err
        else:
            taken += 1
        worst_s = max(worst_s, time.monotonic() - began_s)
    return Outcome(target.name, taken, refused, worst_s)


def mutated(rng: random.Random, target: Target) -> bytes:
    """One of the seeds, changed in one to eight places."""
    data = bytearray(rng.choice(target.seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        _change(rng, data, target)
    return bytes(data)


def _change(rng: random.Random, data: bytearray, target: Target) -> None:
    at = rng.randrange(len(data) + 1)
    match rng.randrange(8):
        case 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        case 1 if data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        case 2:
            del data[at : at + rng.choice((1, 2, 4, 16, 300))]
        case 3:
            data[at:at] = rng.choice(target.pieces)
        case 4:
            piece = rng.choice(target.pieces)
            data[at : at + len(piece)] = piece
        case 5:
            other = rng.choice(target.seeds)
            data[at:] = other[rng.randrange(len(other) + 1) :]
        case 6:
            size = rng.choice((1, 4, 32, 500))
            data[at:at] = data[max(0, at - size) : at]
        case _:
            if rng.random() < 0.3:
                del data[at:]
