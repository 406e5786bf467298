"""The synthetic street as a camera."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from edge.base.clock import FakeClock
from edge.capture.decode import FrameDecoder
from edge.capture.errors import OpenError
from edge.capture.synthetic import Scene, SyntheticSource
from edge.media.frame import Luma
from edge.media.packet import Packet

SMALL = "synthetic:?width=320&height=240"


def frames(url: str, count: int) -> list[Luma]:
    """The first frames' luma, through the encoder and back."""
    source = SyntheticSource(Scene.from_url(url), FakeClock(), pace="fast")
    decoder = FrameDecoder(source.open(), mono_ns=lambda pts: pts)
    packets = islice(source.packets(), count)
    lumas = [frame.luma for packet in packets for frame in decoder.decode(packet)]
    source.close()
    return lumas


def packets(url: str, count: int) -> list[Packet]:
    source = SyntheticSource(Scene.from_url(url), FakeClock(), pace="fast")
    source.open()
    found = list(islice(source.packets(), count))
    source.close()
    return found


def test_the_options_are_read_from_the_address() -> None:
    """Those that are not given have their defaults."""
    scene = Scene.from_url("synthetic:?fps=10&width=640&height=360&seed=7&gop=50&still=1")
    assert scene == Scene(640, 360, 10, 7, 50, 1)
    assert Scene.from_url("synthetic:") == Scene()


@pytest.mark.parametrize(
    "query",
    ["fps=0", "fps=x", "width=641", "colour=red", "gop=-1", "seed=", "width=999999999999"],
)
def test_a_wrong_option_is_named(query: str) -> None:
    """The message names the option."""
    with pytest.raises(OpenError, match=query.split("=")[0]):
        Scene.from_url(f"synthetic:?{query}")


def test_a_gop_is_two_seconds_unless_told_otherwise() -> None:
    """Keyframes come on the beat, whatever happens in the picture."""
    for url, gop in ((SMALL, 30), (SMALL + "&fps=10", 20), (SMALL + "&gop=7", 7)):
        found = packets(url, 3 * gop)
        assert [at for at, each in enumerate(found) if each.is_keyframe] == [0, gop, 2 * gop]


def test_the_same_seed_is_the_same_street() -> None:
    """Byte for byte; another seed is another one."""
    first, second, other = (
        [each.data for each in packets(url, 20)]
        for url in (SMALL + "&seed=7", SMALL + "&seed=7", SMALL + "&seed=8")
    )
    assert first == second
    assert first != other


def test_a_still_street_has_noise_and_nobody() -> None:
    """In twenty seconds no part of the picture changes by more than noise."""
    lumas = frames(SMALL + "&still=1", 300)
    assert not np.array_equal(lumas[100], lumas[101])
    blocks = [luma.reshape(30, 8, 40, 8).mean(axis=(1, 3)) for luma in lumas[::10]]
    spread = np.ptp(np.stack(blocks), axis=0)
    assert spread.max() < 6


def test_a_street_that_is_not_still_has_somebody() -> None:
    """In the first twenty seconds someone passes."""
    blocks = [luma.reshape(30, 8, 40, 8).mean(axis=(1, 3)) for luma in frames(SMALL, 300)[::10]]
    assert np.ptp(np.stack(blocks), axis=0).max() > 20


def test_frames_keep_the_cameras_beat() -> None:
    """Paced to real time: each frame arrives when it is due."""
    clock = FakeClock()

    def wait(seconds: float) -> bool:
        clock.advance(seconds)
        return False

    source = SyntheticSource(Scene.from_url(SMALL + "&fps=10"), clock, wait=wait)
    source.open()
    found = list(islice(source.packets(), 25))
    source.close()
    assert [each.arrival_mono_ns // 1_000_000 for each in found] == [100 * at for at in range(25)]
    assert [each.pts for each in found] == [9000 * at for at in range(25)]


def test_a_slow_machine_leaves_frames_out_and_keeps_the_time() -> None:
    """After a pause of five seconds the street has gone on, as it would before a real camera."""
    clock = FakeClock()

    def wait(seconds: float) -> bool:
        clock.advance(seconds)
        return False

    source = SyntheticSource(Scene.from_url(SMALL + "&fps=10"), clock, wait=wait)
    source.open()
    stream = source.packets()
    next(stream)
    clock.advance(5.0)
    late = next(stream)
    source.close()
    assert late.pts == 5 * 90_000
