"""Which pictures of Motion JPEG are decoded, against decoding all, on films with known truth."""

from __future__ import annotations

import pytest

from edge.base.clock import FakeClock
from edge.camera.coverage import Coverage
from edge.camera.sampler import sample_interval_s
from edge.contract.motion import MotionSettings
from edge.media.packet import Packet
from tests.edge.camera import jpegs
from tests.edge.camera.jpegs import FPS, nothing, passer
from tests.footage.gate_replay import Viewed, replay

SECONDS = 40
LATE_S = 2 / FPS  # one analysed frame: every second picture, or the third, is looked at


def seen(packets: list[Packet]) -> tuple[Viewed, Viewed]:
    """Decoding all that is analysed, and decoding samples."""
    return replay(packets, MotionSettings(decode="all")), replay(packets, MotionSettings())


def test_a_quiet_stream_is_sampled_and_nothing_more() -> None:
    """After the learning, five of fifteen pictures a second, and nothing is found."""
    viewed = replay(jpegs.packets(SECONDS), MotionSettings())
    learning = 20.5 * 10
    assert viewed.counts.decoded - learning == pytest.approx(5 * (SECONDS - 20.5), abs=6)
    assert viewed.modes["keyframes"] > 19 * FPS
    assert (viewed.events, viewed.counts.openings) == ([], 0)


@pytest.mark.parametrize("first_s", [25.0, 25.07, 25.13, 25.2, 25.27, 25.33])
def test_an_onset_is_where_full_decoding_sees_it(first_s: float) -> None:
    """Whatever place between two samples somebody comes into view at."""
    packets = jpegs.packets(34, passer(60, 120.0, first_s))
    everything, viewed = seen(packets)
    assert len(everything.events) == len(viewed.events) == 1
    assert abs(viewed.events[0].start_s - everything.events[0].start_s) <= LATE_S
    assert viewed.counts.events == 1
    assert viewed.counts.openings >= 1


@pytest.mark.parametrize("first_s", [24.0, 24.07, 24.13, 24.2, 24.27])
def test_what_is_in_view_for_a_moment_is_not_lost(first_s: float) -> None:
    """Between two gates, half a second, at any place between the samples."""
    passing = passer(60, 240.0, first_s - 1.0)

    def draw(picture: jpegs.Levels, at_s: float) -> None:
        if first_s <= at_s < first_s + 0.5:
            passing(picture, at_s)

    everything, viewed = seen(jpegs.packets(30, draw))
    assert len(everything.events) == 1
    assert not viewed.lost(everything.events)
    assert max(viewed.late_s(everything.events)) <= LATE_S


@pytest.mark.parametrize(
    ("settings", "interval_s"),
    [
        (MotionSettings(), 0.2),
        (MotionSettings(analysis_fps=30), 2 / 30),
        (MotionSettings(analysis_fps=5), 0.25),
        (MotionSettings(analysis_fps=2), 0.5),
        (MotionSettings(min_frames=1), 0.2),
        (MotionSettings(min_frames=10), 0.25),
    ],
)
def test_samples_lie_no_further_apart_than_the_shortest_motion(
    settings: MotionSettings, interval_s: float
) -> None:
    """Three analysed frames make a movement; never more often than frames are analysed."""
    assert sample_interval_s(settings) == pytest.approx(interval_s)


def test_pictures_that_cannot_be_decoded_cost_only_themselves() -> None:
    """Every third is spoilt behind its header: somebody is seen all the same, nobody invented."""
    packets = jpegs.packets(34, passer(60, 120.0, 25.0))
    for packet in packets[::3]:
        at = packet.data.index(b"\xff\xda")
        packet.data = packet.data[:at]
    everything, viewed = seen(packets)
    assert len(viewed.events) == len(everything.events) == 1
    assert 25.0 <= viewed.events[0].start_s <= 25.4


def test_the_settings_can_ask_for_every_picture() -> None:
    """decode: all is every picture that the analysis looks at."""
    viewed = replay(jpegs.packets(24), MotionSettings(decode="all"))
    assert viewed.modes == {"all": 24 * FPS}
    assert viewed.counts.decoded == pytest.approx(240, abs=2)


def test_a_ring_too_small_to_go_back_in_keeps_all_decoded() -> None:
    """And the mode says so."""
    packets = jpegs.packets(26)
    second_bytes = sum(len(packet.data) for packet in packets) // 26
    viewed = replay(packets, MotionSettings(), ring_bytes=2 * second_bytes)
    assert viewed.modes == {"all": 26 * FPS}
    assert viewed.counts.decoded == pytest.approx(260, abs=3)


@pytest.mark.parametrize("held_s", [6, 60])
def test_a_ring_too_small_for_the_pre_roll_is_told(
    held_s: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with what it holds; it is sampled all the same."""
    packets = jpegs.packets(26)
    second_bytes = sum(len(packet.data) for packet in packets) // 26
    viewed = replay(packets, MotionSettings(), ring_bytes=held_s * second_bytes)
    assert viewed.modes["keyframes"] > 4 * FPS
    assert caplog.text.count("clips.ring_bytes holds") == (held_s == 6)


def test_a_camera_that_repeats_its_pictures_is_not_frozen() -> None:
    """A sensor slower than the stream; one that hangs is."""
    for hangs_from_s, watched_s in ((1e9, 70.0), (10.0, 10.0)):
        packets = jpegs.packets(70)
        for number in range(0, len(packets) - 3, 3):
            hung = packets[round(hangs_from_s * FPS)] if number / FPS > hangs_from_s else None
            for packet in packets[number : number + 3]:
                packet.data = (hung or packets[number]).data
        clock = FakeClock(mono_ns=0)
        coverage = Coverage(clock, disarmed=None, is_storing=lambda: True)
        clock.advance(70)
        replay(packets, MotionSettings(), coverage=coverage)
        coverage.lost("stalled", packets[-1].arrival_mono_ns)
        assert coverage.summary().watched_s == pytest.approx(watched_s, abs=2.5)


def test_a_quiet_film_is_watched_throughout() -> None:
    """What was passed over counts, as samples prove the picture."""
    clock = FakeClock(mono_ns=0)
    coverage = Coverage(clock, disarmed=None, is_storing=lambda: True)
    clock.advance(SECONDS)
    replay(jpegs.packets(SECONDS, nothing), MotionSettings(), coverage=coverage)
    coverage.lost("stalled", SECONDS * 10**9)
    assert coverage.summary().watched_s == pytest.approx(SECONDS, abs=1.5)
