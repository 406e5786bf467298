"""`camwatch-hub settings` and its words, over an archive that no hub runs on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from edge.contract.status import Status
from hub.archive import SqliteArchive
from hub.archive.audit import AuditFilter
from hub.archive.registry_values import Area, Camera, Place, Registry
from hub.archive.values import Batch, StatusNote
from hub.cli.main import main
from tests.hub.journals import BOOT, START_UTC, Journal


class Desk:
    """A hub's settings file and archive; three nodes, two of them in one group."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._config = folder / "hub.yaml"
        self._capsys = capsys
        state = folder / "state"
        state.mkdir()
        self._config.write_text(
            yaml.safe_dump(
                {
                    "state_dir": str(state), "mqtt": {"host": "127.0.0.1"},
                    "http": {"host": "127.0.0.1", "port": 1}, "time_zone": "Asia/Ho_Chi_Minh",
                }
            )
        )  # fmt: skip
        self.path = state / "archive.sqlite"
        archive = SqliteArchive(self.path)
        for node in ("gate-1", "gate-2", "gate-3"):
            journal = Journal(node)
            status = Status(
                1, "online", BOOT, "0.1.0", journal.epoch, journal.key.public.text,
                ("door", "yard"),
            )  # fmt: skip
            archive.write(Batch(statuses=(StatusNote(node, status, START_UTC),)))
        areas = (Area("dong", "town", "Phường Đông"), Area("to-1", "group", "Tổ 1", "dong"))
        cameras = tuple(
            Camera(node, name, "", (Place(None, area),) if area else ())
            for node in ("gate-1", "gate-2", "gate-3")
            for name, area in (("door", "to-1" if node != "gate-3" else ""), ("yard", ""))
        )
        before = archive.registry()
        assert archive.replace_registry(before, Registry(0, areas, (), (), cameras))
        archive.close()

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit status, output, complaints."""
        status = main(["--config", str(self._config), *words])
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def settings(self, node: str) -> object:
        """What the hub sets of that node."""
        return json.loads(self("settings", "show", node, "--json")[1])["settings"]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """As above."""
    return Desk(tmp_path, capsys)


def test_what_is_set_is_shown_compared_and_undone(desk: Desk) -> None:
    """Each as a version, by whom and why, and in the audit trail."""
    status, out, _ = desk(
        "settings", "set", "gate-1", "--set", "cameras.door.motion.sensitivity=4",
        "--note", "mưa", "--user", "lan",
    )  # fmt: skip
    assert status == 0
    assert "gate-1: cameras.door.motion.sensitivity: - -> 4" in out
    assert "gate-1: version 1 is wanted" in out
    assert desk("settings", "set", "gate-1", "--set", "cameras.*.armed=false")[0] == 0
    sets = {"cameras": {
        "door": {"motion": {"sensitivity": 4}, "armed": False}, "yard": {"armed": False},
    }}  # fmt: skip
    assert desk.settings("gate-1") == sets
    assert desk("settings", "diff", "gate-1")[1] == (
        "cameras.door.armed: - -> false\ncameras.yard.armed: - -> false\n"
    )
    assert desk("settings", "undo", "gate-1")[0] == 0
    assert desk.settings("gate-1") == {"cameras": {"door": {"motion": {"sensitivity": 4}}}}
    assert desk("settings", "diff", "gate-1", "1", "3")[:2] == (
        1, "versions 1 and 3 set the same\n",
    )  # fmt: skip
    lines = desk("settings", "history", "gate-1")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["version", "3", "2", "1"]
    assert "undo, as 1" in lines[1]
    assert "mưa" in lines[3]
    assert "lan" in lines[3]
    assert "settings 3 wanted, none applied: not answered yet" in desk("nodes")[1]
    archive = SqliteArchive(desk.path, is_read_only=True)
    entries = archive.audit.entries(AuditFilter(action="settings.change"), limit=9)
    assert [each.deed.detail["how"] for each in entries] == ["undo", "set", "set"]
    archive.close()


def test_an_area_s_cameras_are_set_all_or_none(desk: Desk) -> None:
    """Those that are in it, on whatever node, and no others."""
    words = ("settings", "set", "--area", "dong", "--set")
    assert desk(*words, "cameras.*.motion.sensitivity=11")[0] == 1
    assert desk("settings", "history", "gate-1")[0] == 1
    assert desk(*words, "cameras.*.motion.sensitivity=7", "--check")[0] == 0
    assert desk("settings", "history", "gate-1")[0] == 1
    assert desk(*words, "cameras.*.motion.sensitivity=7")[0] == 0
    seven = {"cameras": {"door": {"motion": {"sensitivity": 7}}}}
    assert [desk.settings(f"gate-{n}") for n in (1, 2, 3)] == [seven, seven, {}]
    status, _, err = desk(*words[:2], "--area", "tay", "--set", "cameras.*.armed=false")
    assert (status, "there is no area tay" in err) == (1, True)


def test_a_file_takes_the_place_of_all_that_is_set(desk: Desk, tmp_path: Path) -> None:
    """In YAML, as an editor writes it; single values go over it."""
    path = tmp_path / "door.yaml"
    path.write_text("cameras: {door: {clips: {pre_roll_s: 8s}}}\n")
    assert desk("settings", "set", "gate-1", "--set", "log_level=debug")[0] == 0
    given = ("settings", "set", "gate-1", "--file", str(path), "--set", "cameras.door.armed=false")
    assert desk(*given)[0] == 0
    door = {"clips": {"pre_roll_s": 8.0}, "armed": False}
    assert desk.settings("gate-1") == {"cameras": {"door": door}}
    assert desk("settings", "set", "gate-1", "--unset", "cameras.door.clips.pre_roll_s")[0] == 0
    assert desk.settings("gate-1") == {"cameras": {"door": {"armed": False}}}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gate-1", "--set", "cameras.door.motion.sensitivty=4"), "did you mean sensitivity?"),
        (("gate-1", "--set", "cameras.door.source=rtsp://a:b@c/"), "holds a password"),
        (("gate-1", "--set", "armed"), "it takes a path and a value"),
        (("gate-1", "--set", "log_level=[unclosed"), "is not YAML"),
        (("gate-9", "--set", "log_level=debug"), "there is no node gate-9"),
        (("gate-1",), "nothing is given"),
        (("--set", "log_level=debug"), "name a NODE or an --area"),
        (("gate-1", "--area", "dong", "--set", "log_level=debug"), "name a NODE or an --area"),
    ],
)
def test_what_cannot_be_set_is_told_with_the_remedy(
    desk: Desk, words: tuple[str, ...], said: str
) -> None:
    """And nothing is made."""
    status, _, err = desk("settings", "set", *words)
    assert status == 1
    assert said in err
    assert desk("settings", "history", "gate-1")[0] == 1


def test_a_mask_over_everything_is_warned_of(desk: Desk) -> None:
    """And made, since it is legal."""
    mask = "cameras.door.motion.masks=[{points: [[0,0],[1,0],[1,1],[0,1]]}]"
    status, _, err = desk("settings", "set", "gate-1", "--set", mask)
    assert status == 0
    assert "gate-1: warning: cameras.door.motion: masks and zones leave nothing" in err
