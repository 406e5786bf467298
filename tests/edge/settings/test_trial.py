"""When a version of settings is to blame, and when it is not."""

from __future__ import annotations

from edge.settings.trial import LINK_S, PROOF_S, STREAM_S, WATCH_S, Verdict, Watch

S = 1_000_000_000


class Case:
    """A version that makes `gate` anew; `yard` and the hub lived before, unless it is said."""

    def __init__(self, *, judged: str = "gate", others: str = "yard", had_link: bool = True):
        self.now_s = 0.0
        self.connected = {"gate": True, "yard": True}
        self.is_online = True
        self.watch = Watch(0, frozenset(judged.split()), had_link, frozenset(others.split()))

    def after(self, seconds: float) -> Verdict:
        """The verdict of each half second until then; the first that is one."""
        verdict: Verdict = "wait"
        limit_s = self.now_s + seconds
        while self.now_s < limit_s and verdict == "wait":
            self.now_s += 0.5
            now_ns = round(self.now_s * S)
            verdict = self.watch.look(now_ns, self.connected, is_online=self.is_online)
        return verdict


def test_a_version_under_which_all_lives_is_good_after_the_watch() -> None:
    """Not before, since what is slow to die would be missed."""
    case = Case()
    assert case.after(WATCH_S - 1) == "wait"
    assert case.after(2) == "good"


def test_a_stream_that_does_not_come_is_blamed_on_the_version() -> None:
    """Well within two minutes, and by its name."""
    case = Case()
    case.connected["gate"] = False
    assert case.after(STREAM_S - 1) == "wait"
    assert case.after(2) == "stream"
    assert case.watch.lost == ("gate",)


def test_a_stream_that_comes_and_goes_is_not_alive() -> None:
    """It must hold for a while."""
    case = Case()
    verdict: Verdict = "wait"
    for number in range(40):
        case.connected["gate"] = number % 2 == 0
        verdict = case.after(PROOF_S / 2)
        if verdict != "wait":
            break
    assert verdict == "stream"


def test_a_stream_that_proved_itself_and_dies_later_is_not_blamed() -> None:
    """Cameras fail by themselves, too."""
    case = Case()
    assert case.after(PROOF_S + 2) == "wait"
    case.connected["gate"] = False
    assert case.after(WATCH_S) == "good"


def test_a_stream_that_was_dead_before_is_not_judged() -> None:
    """Whoever repairs a camera's settings must be able to."""
    case = Case(judged="")
    case.connected["gate"] = False
    assert case.after(WATCH_S + 1) == "good"


def test_a_network_that_fails_is_not_the_version_s_fault() -> None:
    """A camera that the version does not touch is lost too."""
    case = Case()
    case.connected.update(gate=False, yard=False)
    assert case.after(STREAM_S + 1) == "good"


def test_a_stream_that_is_lost_together_with_the_hub_is_looked_into() -> None:
    """A line that the version starves loses both; by the broker's port it is told from one that
    failed by itself."""
    case = Case()
    case.connected["gate"], case.is_online = False, False
    assert case.after(LINK_S - 2) == "wait"
    assert case.after(4) == "link?"


def test_a_way_to_the_hub_that_dies_is_looked_into() -> None:
    """Only where it lived before; whether the broker's port answers decides."""
    case = Case(judged="")
    case.is_online = False
    assert case.after(LINK_S - 2) == "wait"
    assert case.after(4) == "link?"
    case = Case(judged="", had_link=False)
    case.is_online = False
    assert case.after(WATCH_S + 1) == "good"


def test_a_way_to_the_hub_that_dies_in_silence_is_waited_for() -> None:
    """Keep alive notices it late: a version is not good because its watch is over by then."""
    case = Case()
    assert case.after(WATCH_S - 5) == "wait"
    case.is_online = False
    assert case.after(LINK_S - 2) == "wait"
    assert case.after(4) == "link?"
    case = Case()
    assert case.after(WATCH_S - 5) == "wait"
    case.is_online = False
    assert case.after(LINK_S - 2) == "wait"
    case.is_online = True
    assert case.after(1) == "good", "it came back"
