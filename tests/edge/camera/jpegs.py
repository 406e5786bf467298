"""Motion JPEG for the tests of this folder: a yard with noise, and what moves through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from edge.capture.beat import TICKS_PER_S
from edge.capture.encoded import Coded
from edge.capture.jpegs import JpegPackets
from edge.gop.ring import PacketRing
from edge.media.packet import Packet

WIDTH, HEIGHT, FPS = 640, 360, 15
Levels = npt.NDArray[np.float32]
Draw = Callable[[Levels, float], None]


def nothing(_picture: Levels, _at_s: float) -> None:
    """Nobody."""


def passer(height: int, speed: float, first_s: float) -> Draw:
    """Somebody so high who goes so many pixels a second, from left to right."""

    def draw(picture: Levels, at_s: float) -> None:
        x = round((at_s - first_s) * speed)
        if 0 <= x < WIDTH:
            cv2.rectangle(picture, (x, 180), (x + height // 2, 180 + height), 30.0, cv2.FILLED)

    return draw


def pictures(seconds: float, draw: Draw = nothing, *, noise: float = 2.0) -> Iterator[bytes]:
    """The yard, fifteen times a second, with fresh noise in each picture."""
    rng = np.random.default_rng(3)
    yard = np.full((HEIGHT, WIDTH), 110, np.float32)
    for _ in range(60):
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        cv2.rectangle(yard, (x, y), (x + 80, y + 50), float(rng.uniform(60, 180)), cv2.FILLED)
    for number in range(round(seconds * FPS)):
        picture = yard.copy()
        draw(picture, number / FPS)
        cv2.randn(grain := np.empty_like(picture), 0, noise)  # type: ignore[call-overload]
        levels = np.clip(picture + grain, 0, 255).astype(np.uint8)
        done, data = cv2.imencode(".jpg", cv2.cvtColor(levels, cv2.COLOR_GRAY2BGR))
        assert done
        yield bytes(data)


def packets(
    seconds: float, draw: Draw = nothing, *, noise: float = 2.0, began_ns: int = 0
) -> list[Packet]:
    """The same as packets of one stream."""
    taker = JpegPackets("yard", stall_timeout_s=10.0)
    return [
        packet
        for number, data in enumerate(pictures(seconds, draw, noise=noise))
        for packet in taker.push(
            Coded(data, number * TICKS_PER_S // FPS, began_ns + number * 10**9 // FPS)
        )
    ]


def ring_of(held: list[Packet], *, keep_s: float = 60.0) -> PacketRing:
    """A ring that holds them all."""
    ring = PacketRing(keep_s=keep_s, max_bytes=2**28)
    for packet in held:
        ring.append(packet)
    return ring
