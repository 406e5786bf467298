"""The agent's pulse, and the judgement of a version on trial."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.update import pulse
from edge.update.pulse import CameraPulse, Duties, Pulse, Watch

S = 10**9


def well(looked: int, *, run: str = "one", at_s: float = 0.0, **more: object) -> Pulse:
    fields: dict[str, object] = {
        "version": "2.0", "run": run, "mono_ns": round(at_s * S), "has_journal": True,
        "is_heard": True, "cameras": {"gate": CameraPulse(True, looked)},
    }  # fmt: skip
    return Pulse(**(fields | more))  # type: ignore[arg-type]


def watch() -> Watch:
    return Watch("2.0", Duties(("gate",), ("gate",)), 60, 300, 120, 0)


def test_a_pulse_is_read_while_it_is_fresh(tmp_path: Path) -> None:
    """An old one is none: the agent may hang."""
    pulse.write(tmp_path, well(1, at_s=100))
    assert pulse.read(tmp_path, 101 * S) == well(1, at_s=100)
    assert pulse.read(tmp_path, 130 * S) is None
    assert pulse.read(tmp_path, 99 * S) is None, "of a boot before this one"


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 20_000, b'{"version": 1}'])
def test_what_is_no_pulse_is_none(tmp_path: Path, data: bytes) -> None:
    """Cut short, or anything at all."""
    (tmp_path / pulse.FILE).write_bytes(data)
    assert pulse.read(tmp_path, 0) is None


def test_duties_are_what_the_version_before_did() -> None:
    """A camera that sent packets; one of which frames were looked at; none of one not alive."""
    before = well(0, cameras={"a": CameraPulse(True, 5), "b": CameraPulse(True, 0),
                              "c": CameraPulse(False, 9)})  # fmt: skip
    assert Duties.of(before) == Duties(("a", "b"), ("a",))
    assert Duties.of(None) == Duties()


def test_a_version_is_good_once_it_was_well_for_long_enough() -> None:
    """In one run, and with frames looked at all along."""
    judged = watch()
    assert judged.take(well(1), 10 * S) is None
    assert judged.take(well(50), 69 * S) is None
    assert judged.take(well(60), 70 * S) == "good"


def test_a_start_in_between_begins_the_time_anew() -> None:
    """It is the steadiness that counts."""
    judged = watch()
    judged.take(well(1), 10 * S)
    assert judged.take(well(2, run="two"), 69 * S) is None
    assert judged.take(well(99, run="two"), 71 * S) is None
    assert judged.take(well(100, run="two"), 130 * S) == "good"


def test_frames_that_stand_still_are_not_good() -> None:
    """Packets come, and nobody looks at them."""
    judged = watch()
    judged.take(well(7), 10 * S)
    assert judged.take(well(7), 80 * S) is None
    assert judged.take(well(7), 301 * S) == "no_packets"


def test_a_camera_that_is_disarmed_now_has_nothing_to_show() -> None:
    """Watched by night, disarmed by day: packets are all that a good version gives then."""
    judged = watch()
    resting = {"gate": CameraPulse(True, 0, is_armed=False)}
    assert judged.take(well(0, cameras=resting), 10 * S) is None
    assert judged.take(well(0, cameras=resting), 70 * S) == "good"


def test_a_camera_that_is_armed_on_trial_is_asked_for_frames() -> None:
    """From then on, and not for its packets alone."""
    judged = watch()
    judged.take(well(0, cameras={"gate": CameraPulse(True, 0, is_armed=False)}), 10 * S)
    assert judged.take(well(0), 70 * S) is None
    assert judged.take(well(0), 301 * S) == "no_packets"


def test_nobody_is_waited_for_who_gives_no_sign() -> None:
    """Long before the time is up; one that was there once has all of it."""
    assert watch().take(None, 121 * S) == "no_sign_of_life"
    judged = watch()
    judged.take(well(1), 10 * S)
    assert judged.take(None, 121 * S) is None
    assert judged.take(None, 301 * S) == "no_sign_of_life"


def test_one_that_starts_again_and_again_is_unsteady() -> None:
    """Four starts at most."""
    judged = watch()
    verdicts = [judged.take(well(1, run=str(number)), number * S) for number in range(5)]
    assert verdicts == [None, None, None, None, "unsteady"]


def test_the_version_before_counts_for_nothing() -> None:
    """Its pulse may still be fresh."""
    judged = watch()
    assert judged.take(well(1, version="1.0"), 10 * S) is None
    assert judged.take(well(1, version="1.0"), 121 * S) == "no_sign_of_life"
