"""`camwatch-hub suggest`, over traces that a node sent: what it proposes, and what it sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.contract.motion import MotionSettings
from edge.contract.schedule import Schedule
from edge.trace import segment
from edge.trace.lines import Line
from hub.archive import SqliteArchive
from hub.traces import TraceStore
from tests.edge.trace import made
from tests.edge.trace.test_replay import NIGHT, WALK, event, marked, week
from tests.hub.cli.test_settings import Desk
from tests.hub.registry.test_settings import tell

NODE, CAMERA = "gate-1", "door"
NIGHTLY = Schedule(starts="22:00", ends="06:00", sensitivity=8)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A hub whose node `gate-1` said nothing yet of its settings."""
    return Desk(tmp_path, capsys)


def send(desk: Desk, number: int, sensitivity: int, mono_s: float, lines: Sequence[Line]) -> None:
    """A segment of the node's, which ran with that sensitivity."""
    head = made.head(
        node=NODE, camera=CAMERA, mono_s=mono_s, motion=MotionSettings(sensitivity=sensitivity)
    )
    store = TraceStore(desk.path.parent / "traces", camera_bytes=2**20, keep_s=10**9)
    store.put(NODE, CAMERA, f"{number:08}-aaaaaaaa.trace", segment.encode(head, lines))


def say(desk: Desk, **camera: Any) -> None:
    """The node says what its camera's own settings are."""
    archive = SqliteArchive(desk.path)
    tell(archive, 0, **camera)
    archive.close()


def suggest(desk: Desk, tmp_path: Path, *words: str) -> tuple[int, str, str]:
    """The command, with what people said of events."""
    marks = {n: "confirmed" if n % 2 else "false_alarm" for n in range(9)}
    path = tmp_path / "marks.csv"
    path.write_text("id,mark\n" + "".join(f"{event(n)},{word}\n" for n, word in marks.items()))
    return desk("suggest", "--node", NODE, "--camera", CAMERA, "--verdicts", str(path), *words)


def fill_day_and_night(desk: Desk) -> None:
    """Sensitivity 3 by day, 8 by night, when a nuisance shows down to 7."""
    send(desk, 1, 3, 1000.0, marked(7, made.crossing(60.0, y=WALK, upto=3)))
    night = [
        *marked(0, made.crossing(4060.0, y=NIGHT, upto=7)),
        *marked(1, made.crossing(4120.0, y=WALK)),
    ]
    send(desk, 2, 8, 5000.0, night)


def number_of(found: Sequence[dict[str, object]], start: str) -> str:
    """The number of the proposal whose name begins so."""
    return next(str(n) for n, each in enumerate(found, 1) if str(each["name"]).startswith(start))


def test_less_at_night_is_set_as_a_change_of_the_schedule(desk: Desk, tmp_path: Path) -> None:
    """The day keeps its own sensitivity, and the other schedules are as they were."""
    fill_day_and_night(desk)
    siesta = Schedule(starts="12:00", ends="13:00", armed=False, note="nghỉ trưa")
    say(desk, motion=MotionSettings(sensitivity=3), schedules=(siesta, NIGHTLY))
    status, out, err = suggest(desk, tmp_path, "--json")
    assert status == 0, err
    found = json.loads(out)["proposals"]
    number = number_of(found, "schedules 22:00-06:00: sensitivity=5 instead of 8")
    assert found[int(number) - 1]["section"] == "camera"
    assert suggest(desk, tmp_path, "--apply", number)[0] == 0
    (schedules,) = desk.settings(NODE)["cameras"][CAMERA].values()  # type: ignore[index]
    assert schedules == [
        {"starts": "12:00", "ends": "13:00", "days": [], "armed": False, "note": "nghỉ trưa"},
        {"starts": "22:00", "ends": "06:00", "days": [], "sensitivity": 5},
    ]


def test_only_what_is_proposed_is_set(desk: Desk, tmp_path: Path) -> None:
    """A mask for day and night; no sensitivity, of which the newest is the night's."""
    fill_day_and_night(desk)
    status, out, err = suggest(desk, tmp_path, "--json")
    assert status == 0, err
    found = json.loads(out)["proposals"]
    assert not [each for each in found if "sensitivity" in each["name"]]
    assert suggest(desk, tmp_path, "--apply", number_of(found, "mask"))[0] == 0
    (motion,) = desk.settings(NODE)["cameras"][CAMERA].values()  # type: ignore[index]
    assert list(motion) == ["masks"]


def test_what_was_changed_since_the_traces_is_not_put_back(desk: Desk, tmp_path: Path) -> None:
    """Somebody drew a mask meanwhile, which the proposal's list of masks does not have."""
    send(desk, 1, 5, 1000.0, week())
    say(desk)
    found = json.loads(suggest(desk, tmp_path, "--json")[1])["proposals"]
    number = number_of(found, "mask")
    mask = '[{"points": [[0, 0], [0.1, 0], [0.1, 0.1]]}]'
    assert desk("settings", "set", NODE, "--set", f"cameras.door.motion.masks={mask}")[0] == 0
    before = desk.settings(NODE)
    status, _, err = suggest(desk, tmp_path, "--apply", number)
    assert status != 0 and "changed since the traces were made" in err
    assert desk.settings(NODE) == before


def test_without_a_confirmed_event_it_says_what_to_do(desk: Desk, tmp_path: Path) -> None:
    """And offers nothing."""
    send(desk, 1, 5, 1000.0, marked(0, made.crossing(60.0)))
    status, out, _ = suggest(desk, tmp_path)
    assert status == 1
    assert "camwatch-hub mark ID confirmed" in out
