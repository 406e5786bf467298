"""What counts as watched, and why not where it does not."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from edge.base.clock import FakeClock
from edge.base.errors import DiskFullError
from edge.camera.coverage import MAX_GAP_S, STALE_S, Coverage
from edge.contract.record import CoverageSpans
from edge.motion.picture import State

FRAME_S = 0.1
Told = list[tuple[float, float, str]]


class Scene:
    """A camera that is looked at ten times a second, and its coverage."""

    def __init__(self, *, disarmed: str | None = None) -> None:
        self.clock = FakeClock(mono_ns=5 * 10**12 + 999)
        self.start_ns = self.clock.mono_ns()
        self.is_storing = True
        self.coverage = Coverage(
            self.clock, disarmed=disarmed, is_storing=lambda: self.is_storing
        )  # fmt: skip
        self.written: list[CoverageSpans] = []

    def look(self, seconds: float, picture: State = "live") -> None:
        """Let so much time pass, with frames."""
        for _ in range(round(seconds / FRAME_S)):
            self.clock.advance(FRAME_S)
            self.coverage.looked(self.clock.mono_ns(), picture)
            self.turn()

    def wait(self, seconds: float) -> None:
        """Let so much time pass, without."""
        for _ in range(round(seconds)):
            self.clock.advance(1)
            self.turn()

    def turn(self) -> None:
        """What the accountant does."""
        self.coverage.tick()
        self.coverage.write(self.written.append)

    def end(self) -> Told:
        """Stop; what was told of the whole time, in seconds after the start."""
        self.coverage.stop()
        self.coverage.write(self.written.append)
        return self.told()

    def told(self) -> Told:
        """Stretches in seconds after the start; equal neighbours of two records joined."""
        told: Told = []
        for record in self.written:
            zero_s = (record.starts.mono_ns - self.start_ns) / 1e9
            for span in record.spans:
                word = span.cause or "watched"
                start_s, end_s = zero_s + span.from_ms / 1000, zero_s + span.to_ms / 1000
                if told and told[-1][2] == word:
                    start_s = told.pop()[0]
                told.append((round(start_s, 1), round(end_s, 1), word))
        return told


@pytest.fixture
def scene() -> Scene:
    return Scene()


def near(told: Told, *wanted: tuple[float, float, str]) -> None:
    """Fails unless these were told, each within a second; a frame's length does not count."""
    told = [each for each in told if each[1] - each[0] > 2 * FRAME_S]
    assert [word for *_, word in told] == [word for *_, word in wanted]
    for (start_s, end_s, _), (wanted_start_s, wanted_end_s, _) in zip(told, wanted, strict=True):
        assert start_s == pytest.approx(wanted_start_s, abs=1)
        assert end_s == pytest.approx(wanted_end_s, abs=1)


def test_records_of_a_run_follow_without_gap_or_overlap(scene: Scene) -> None:
    """The end of each is the start of the next, and each one's spans fill it."""
    scene.wait(3)
    scene.look(700)
    scene.coverage.lost("stalled")
    scene.wait(20)
    scene.look(100)
    scene.end()
    assert len(scene.written) >= 5
    for before, after in zip(scene.written, scene.written[1:], strict=False):
        assert before.ends.mono_ns == after.starts.mono_ns
    for record in scene.written:
        edges_ms = [0, *(span.to_ms for span in record.spans)]
        assert [span.from_ms for span in record.spans] == edges_ms[:-1]
        length_ns = record.ends.mono_ns - record.starts.mono_ns
        assert edges_ms[-1] * 1_000_000 == length_ns
    whole_ns = scene.written[-1].ends.mono_ns - scene.written[0].starts.mono_ns
    assert whole_ns == pytest.approx(scene.clock.mono_ns() - scene.start_ns, abs=2_000_000)


def test_a_camera_is_starting_until_its_first_picture(scene: Scene) -> None:
    """Nothing was watched before."""
    scene.wait(3)
    scene.look(10)
    near(scene.end(), (0, 3, "starting"), (3, 13, "watched"))


def test_a_loss_is_dated_back_to_the_last_picture(scene: Scene) -> None:
    """It is noticed only when the stall timeout is over; the time was blind all the same."""
    scene.look(10)
    scene.wait(10)
    scene.coverage.lost("stalled")
    scene.wait(5)
    scene.look(10)
    near(scene.end(), (0, 10, "watched"), (10, 25, "stream_lost"), (25, 35, "watched"))


def test_a_camera_that_was_never_there_is_lost_once_that_is_known(scene: Scene) -> None:
    """Up to the first failure it was starting."""
    scene.wait(4)
    scene.coverage.lost("refused")
    scene.wait(6)
    near(scene.end(), (0, 4, "starting"), (4, 10, "stream_lost"))


def test_a_short_silence_is_watched_and_a_long_one_is_not(scene: Scene) -> None:
    """Pictures that a camera leaves out are missing, whether or not its connection stood."""
    scene.look(10)
    scene.wait(MAX_GAP_S - 1)
    scene.look(10)
    scene.wait(MAX_GAP_S + 2)
    scene.look(10)
    near(scene.end(), (0, 24, "watched"), (24, 31, "stream_lost"), (31, 41, "watched"))


def test_a_frozen_picture_is_dated_back_to_when_it_froze(scene: Scene) -> None:
    """What looked still at first turns out to have been frozen since."""
    scene.look(10)
    scene.look(30, "unproven")
    scene.look(20, "frozen")
    scene.look(10)
    near(scene.end(), (0, 10, "watched"), (10, 60, "frozen"), (60, 70, "watched"))


def test_a_picture_that_stood_still_and_moves_again_was_watched(scene: Scene) -> None:
    """A calm night on a camera that smooths its noise away is no fault."""
    scene.look(10)
    scene.look(25, "unproven")
    scene.look(10)
    near(scene.end(), (0, 45, "watched"))


def test_nothing_is_told_of_a_still_picture_before_it_is_known(scene: Scene) -> None:
    """No record claims as watched what may turn out frozen."""
    scene.look(290)
    scene.look(29, "unproven")
    assert scene.told()[-1][1] <= 290.1


def test_a_black_picture_is_blind(scene: Scene) -> None:
    """A lens cap sends fine packets."""
    scene.look(10)
    scene.look(10, "unproven")
    scene.look(5, "black")
    near(scene.end(), (0, 10, "watched"), (10, 25, "black"))


def test_skipped_packets_are_blind_between_the_frames_round_them(scene: Scene) -> None:
    """Overload is counted in media time, however short it is."""
    scene.look(10)
    scene.coverage.skipped()
    scene.wait(2)
    scene.look(10)
    near(scene.end(), (0, 10, "watched"), (10, 12, "overload"), (12, 22, "watched"))


def test_a_loss_in_an_overload_ends_it_with_the_last_packet(scene: Scene) -> None:
    """First the board was too slow, then the camera was gone."""
    scene.look(10)
    scene.coverage.skipped()
    scene.wait(4)
    last_ns = scene.clock.mono_ns()
    scene.wait(6)
    scene.coverage.lost("stalled", last_ns)
    scene.wait(5)
    near(scene.end(), (0, 10, "watched"), (10, 14, "overload"), (14, 25, "stream_lost"))


def test_time_that_could_not_be_recorded_is_blind(scene: Scene) -> None:
    """To see without being able to keep it is not to watch."""
    scene.look(10)
    scene.is_storing = False
    scene.look(20)
    scene.is_storing = True
    scene.look(10)
    near(scene.end(), (0, 10, "watched"), (10, 30, "storage"), (30, 40, "watched"))


def test_a_disarmed_camera_is_blind_by_settings_whatever_happens() -> None:
    """Nobody wanted to watch; that is neither a loss nor a fault."""
    scene = Scene(disarmed="by the school, holidays")
    scene.look(10)
    scene.coverage.lost("stalled")
    scene.wait(10)
    near(scene.end(), (0, 20, "disarmed"))
    assert scene.written[0].spans[0].detail == "by the school, holidays"


def test_a_hung_analysis_is_blind_until_it_looks_again(scene: Scene) -> None:
    """From the last frame that was looked at, not from when that was noticed."""
    scene.look(10)
    scene.wait(25)
    scene.coverage.hung("analysis")
    scene.wait(5)
    scene.look(10)
    near(scene.end(), (0, 10, "watched"), (10, 40, "overload"), (40, 50, "watched"))


def test_packets_without_pictures_do_not_count(scene: Scene) -> None:
    """A stream that nobody can decode is connected and shows nothing."""
    scene.look(10)
    scene.wait(STALE_S + 10)
    near(scene.end(), (0, 10, "watched"), (10, 20 + STALE_S, "stream_lost"))


def test_the_end_of_the_run_is_stopped_from_the_last_picture_on(scene: Scene) -> None:
    """While the last clip is closed nothing is watched any more."""
    scene.look(10)
    scene.clock.advance(3)
    near(scene.end(), (0, 10, "watched"), (10, 13, "stopped"))


def test_after_the_stop_nothing_is_added(scene: Scene) -> None:
    """A thread that hung and goes on after the end changes no account."""
    scene.look(5)
    told = scene.end()
    scene.look(5)
    scene.coverage.lost("stalled")
    assert scene.end() == told


def test_a_file_read_fast_does_not_account_for_the_future(scene: Scene) -> None:
    """Its frames carry times to come; coverage is of the node's own time."""
    for second in range(1, 100):
        scene.coverage.looked(scene.start_ns + second * 10**10, "live")
        scene.clock.advance(0.1)
    near(scene.end(), (0, 9.9, "watched"))


def test_what_the_journal_refuses_is_told_later(scene: Scene) -> None:
    """Five minutes of a full disk: no second of it is missing from the account."""

    def refuse(_: CoverageSpans) -> None:
        raise DiskFullError("no space left")

    scene.look(10)
    scene.coverage.lost("stalled")
    for _ in range(300):
        scene.clock.advance(1)
        scene.coverage.tick()
        with pytest.raises(DiskFullError):
            scene.coverage.write(refuse)
    scene.look(10)
    near(scene.end(), (0, 10, "watched"), (10, 310, "stream_lost"), (310, 320, "watched"))


def test_a_step_of_the_wall_clock_moves_no_boundary(scene: Scene) -> None:
    """Lengths are monotonic; both ends of one record are told by one reading."""
    scene.look(100)
    scene.clock.set_utc(scene.clock.utc() - timedelta(days=400))
    scene.coverage.lost("stalled")
    scene.wait(20)
    scene.clock.set_utc(scene.clock.utc() + timedelta(days=4000))
    scene.look(10)
    near(scene.end(), (0, 100, "watched"), (100, 120, "stream_lost"), (120, 130, "watched"))
    for record in scene.written:
        length = record.ends.utc - record.starts.utc
        assert length == timedelta(
            microseconds=(record.ends.mono_ns - record.starts.mono_ns) / 1000
        )


def test_health_says_how_much_was_watched_and_why_it_is_blind_now(scene: Scene) -> None:
    """Each report counts from the one before."""
    assert scene.coverage.summary().blind == "starting"
    scene.look(12)
    summary = scene.coverage.summary()
    assert summary.watched_s == pytest.approx(12, abs=0.5)
    assert summary.blind is None
    scene.coverage.lost("stalled")
    scene.wait(5)
    summary = scene.coverage.summary()
    assert (summary.watched_s, summary.blind) == (0.0, "stream_lost")


def test_a_camera_that_is_disarmed_and_armed_accounts_for_all_of_it() -> None:
    """By a schedule, say; without a hole, and with who wants it."""
    scene = Scene()
    scene.look(10)
    scene.coverage.arm("school is open")
    scene.wait(20)
    scene.look(5)  # pictures that were on their way count for nothing
    scene.coverage.arm(None)
    scene.wait(2)
    scene.look(10)
    told = scene.end()
    near(told, (0, 10, "watched"), (10, 35, "disarmed"), (35, 37, "starting"), (37, 47, "watched"))
    for (_, end_s, _), (start_s, _, _) in itertools.pairwise(told):
        assert start_s == end_s
    details = {span.cause: span.detail for each in scene.written for span in each.spans}
    assert details["disarmed"] == "school is open"


def test_the_account_goes_on_where_that_of_the_camera_before_ended() -> None:
    """Which was stopped so that its streams could be made anew."""
    scene = Scene()
    scene.look(10)
    scene.clock.advance(0.5)
    scene.coverage.stop("settings 7")
    scene.turn()
    scene.clock.advance(3)
    after = Coverage(
        scene.clock, disarmed=None, is_storing=lambda: True,
        since_ns=scene.coverage.end_ns, starting="settings 7",
    )  # fmt: skip
    scene.clock.advance(1)
    after.looked(scene.clock.mono_ns(), "live")
    after.stop()
    after.write(scene.written.append)
    one, other = scene.written[-2:]
    assert other.starts.mono_ns == one.ends.mono_ns
    assert (one.spans[-1].cause, one.spans[-1].detail) == ("stopped", "settings 7")
    assert (other.spans[0].cause, other.spans[0].detail) == ("starting", "settings 7")
    assert other.spans[0].to_ms == 4000
