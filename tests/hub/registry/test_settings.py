"""Nodes' settings at the hub: checked, numbered, changed by path, undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.base import schema
from edge.contract import applied, names, wanted
from edge.contract.applied import Applied
from edge.contract.settings import SettableCamera
from hub.archive import SqliteArchive
from hub.archive.settings_values import AppliedNote
from hub.archive.values import Batch, CameraKey
from hub.registry import settings
from hub.registry.settings import Author, ConflictError, SettingsError
from tests.hub.journals import START_UTC

LAN = Author("lan", START_UTC, "thử")
FOUR = {"cameras": {"door": {"motion": {"sensitivity": 4}}}}
FIVE = {"cameras": {"door": {"motion": {"sensitivity": 5}}}}
ALL = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SqliteArchive]:
    """An empty archive."""
    made = SqliteArchive(tmp_path / "archive.sqlite")
    yield made
    made.close()


def tell(archive: SqliteArchive, version: int, *, seen: int = 0, **camera: Any) -> None:
    """The node says that this is in effect for its camera `door`."""
    door = schema.dump(SettableCamera(name="door", source="rtsp://192.0.2.7/", **camera))
    said = Applied(
        v=names.VERSION, node="gate-1", version=version, state="applied", seen=max(version, seen),
        at_utc=START_UTC, settings={"log_level": "info", "cameras": {"door": door}},
    )  # fmt: skip
    note = AppliedNote(said, applied.encode(said), START_UTC)
    archive.write(Batch(applied=(note,)))


def test_a_version_is_made_as_it_will_be_sent(archive: SqliteArchive) -> None:
    """With its number, its author and durations in seconds."""
    given = {"cameras": {"door": {"clips": {"pre_roll_s": "8s"}}}}
    made = settings.make(archive, "gate-1", given, LAN)
    document = wanted.decode(made.payload)
    assert (document.node, document.version, document.user, document.note) == (
        "gate-1", 1, "lan", "thử",
    )  # fmt: skip
    assert document.settings == {"cameras": {"door": {"clips": {"pre_roll_s": 8.0}}}}
    assert settings.make(archive, "gate-1", FIVE, LAN).version == 2


def test_bad_settings_are_refused_at_the_hub_with_every_field(archive: SqliteArchive) -> None:
    """Nothing is kept of them."""
    given = {"cameras": {"door": {"armd": True, "motion": {"sensitivity": 0}}}, "time_zone": "X"}
    with pytest.raises(SettingsError) as caught:
        settings.make(archive, "gate-1", given, LAN)
    assert [each.path for each in caught.value.problems] == [
        "cameras.door.armd", "cameras.door.motion.sensitivity",
    ]  # fmt: skip
    with pytest.raises(SettingsError, match="Atlantis is not known here"):
        settings.make(archive, "gate-1", {"time_zone": "Atlantis"}, LAN)
    assert archive.settings_versions("gate-1") == []


def test_what_does_not_fit_a_known_node_is_refused_at_the_hub(archive: SqliteArchive) -> None:
    """Once the node said which cameras it has; before that it might."""
    given = {"cameras": {"dor": {"armed": False}}}
    settings.make(archive, "gate-1", given, LAN)
    tell(archive, 1)
    with pytest.raises(SettingsError, match=r"no such camera \(known: door\)"):
        settings.make(archive, "gate-1", given, LAN)


def test_a_mask_over_everything_is_warned_of(archive: SqliteArchive) -> None:
    """It is legal, so it is made."""
    given = {"cameras": {"door": {"motion": {"masks": [{"points": ALL}]}}}}
    _, warnings = settings.check(archive, "gate-1", given)
    assert warnings == [
        "cameras.door.motion: masks and zones leave nothing of the picture to watch"
    ]
    assert settings.make(archive, "gate-1", given, LAN).version == 1


def test_who_changes_what_changed_meanwhile_is_told(archive: SqliteArchive) -> None:
    """By the version that the change was made from."""
    settings.make(archive, "gate-1", FOUR, LAN, based_on=0)
    with pytest.raises(ConflictError, match="version 1 was made since version 0"):
        settings.make(archive, "gate-1", FIVE, LAN, based_on=0)


def test_an_undo_is_a_new_version_with_the_old_content(archive: SqliteArchive) -> None:
    """Of the one before, of any other, or of nothing at all; history keeps all."""
    settings.make(archive, "gate-1", FOUR, LAN)
    settings.make(archive, "gate-1", FIVE, LAN)
    third = settings.undo(archive, "gate-1", LAN)
    assert (third.version, third.settings, third.undoes) == (3, FOUR, 1)
    assert settings.undo(archive, "gate-1", LAN, to=2).settings == FIVE
    assert settings.undo(archive, "gate-1", LAN, to=0).settings == {}
    with pytest.raises(SettingsError, match="no version 9"):
        settings.undo(archive, "gate-1", LAN, to=9)
    with pytest.raises(SettingsError, match="nothing was ever set of gate-2"):
        settings.undo(archive, "gate-2", LAN)
    assert len(archive.settings_versions("gate-1")) == 5


def test_values_are_set_and_left_by_their_path() -> None:
    """A star stands for the cameras that are meant; empty sections go with their last value."""
    plain: dict[str, Any] = {}
    settings.put(plain, "cameras.*.motion.sensitivity", 4, ["door", "yard"])
    settings.put(plain, "log_level", "debug")
    settings.drop(plain, "cameras.yard.motion.sensitivity")
    settings.drop(plain, "cameras.shed.motion.sensitivity")
    assert plain == FOUR | {"log_level": "debug"}
    with pytest.raises(SettingsError, match="is no path"):
        settings.put(plain, "cameras..x", 1)
    with pytest.raises(SettingsError, match="log_level is no section"):
        settings.put(plain, "log_level.x", 1)


def test_numbers_go_on_behind_what_the_node_has_seen(archive: SqliteArchive) -> None:
    """An archive that came back from an old copy would be refused for ever otherwise."""
    tell(archive, 0, seen=9)
    assert settings.make(archive, "gate-1", FOUR, LAN).version == 10


def test_a_standing_says_in_a_line_how_it_is(archive: SqliteArchive) -> None:
    """What is wanted, what is in effect, and why it differs."""
    assert settings.standing(archive, "gate-1").text() == ""
    settings.make(archive, "gate-1", FOUR, LAN)
    standing = settings.standing(archive, "gate-1")
    assert standing.text() == "settings 1 wanted, none applied: not answered yet"
    assert not standing.is_settled
    tell(archive, 1)
    assert settings.standings(archive)["gate-1"].text() == "settings 1 applied"
    assert settings.standing(archive, "gate-1").is_settled
    settings.make(archive, "gate-1", FIVE, LAN)
    failure = applied.Failure(2, "rolled_back", "stream", "door sends nothing", START_UTC)
    note = archive.applied_settings()["gate-1"].applied
    said = Applied(**{**vars(note), "seen": 2, "failure": failure})
    archive.write(Batch(applied=(AppliedNote(said, applied.encode(said), START_UTC),)))
    text = settings.standing(archive, "gate-1").text()
    assert text == "settings 2 wanted, 1 applied: rolled back, door sends nothing"


def test_what_holds_for_a_camera_is_known_once_its_node_said_so(archive: SqliteArchive) -> None:
    """With all that the hub does not set, zones and masks too."""
    key = CameraKey("gate-1", "door")
    assert settings.effective_camera(archive, key) is None
    tell(archive, 0, armed=False, disarmed_by="trường học")
    camera = settings.effective_camera(archive, key)
    assert camera is not None
    assert (camera.name, camera.disarmed_by, camera.motion.zones) == ("door", "trường học", ())


def test_differences_read_like_what_one_would_set() -> None:
    """A dash for what is not set."""
    after = {"cameras": {"door": {"motion": {"sensitivity": 5}, "armed": False}}}
    assert settings.differences(FOUR, after) == [
        "cameras.door.armed: - -> false",
        "cameras.door.motion.sensitivity: 4 -> 5",
    ]
