"""Every command, and the deed that it leaves in the audit trail, or why it leaves none."""

from __future__ import annotations

import argparse
import hashlib
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.errors import StorageError
from edge.contract.status import Status
from hub.archive import SqliteArchive
from hub.archive.audit import AuditEntry, AuditFilter
from hub.archive.values import Batch, EventFilter, StatusNote
from hub.cli import trail
from hub.cli.arguments import make_parser
from hub.cli.main import main
from hub.clipstore import FileClipStore
from tests.hub.archive.conformance import batch
from tests.hub.cli.hubs import new_hub
from tests.hub.journals import BOOT, START_UTC, Journal
from tests.hub.registry.test_picture import PNG

pytestmark = pytest.mark.xdist_group("trail")  # one hub, to which one thing is done after the other

CLIP, PICTURE = b"a clip", b"a picture"
ANNA = "anna.of.the.console"

DEEDS = {
    "show": ("event.view", "show EVENT"),
    "clip": ("clip.download", "clip EVENT -o FOLDER/clip.mp4"),
    "snapshot": ("snapshot.view", "snapshot EVENT -o FOLDER/picture.jpg"),
    "mark": ("event.mark", f"mark EVENT seen --user {ANNA}"),
    "note": ("event.note", f"note EVENT seen --user {ANNA}"),
    "audit": ("audit.view", "audit"),
    "settings set": (
        "settings.change",
        f"settings set gate-1 --set cameras.door.armed=false --user {ANNA}",
    ),
    "settings undo": ("settings.change", "settings undo gate-1"),
    "filter save": ("filter.change", f"filter save mine --node gate-1 --user {ANNA}"),
    "filter remove": ("filter.change", f"filter remove mine --user {ANNA}"),
    "area add": ("registry.change", "area add North --kind town --code north"),
    "area set": ("registry.change", "area set north --name Northern"),
    "area end": ("registry.change", "area end north --on 2026-01-31"),
    "area export": ("registry.export", "area export -o FOLDER/areas.csv"),
    "area import": ("registry.change", "area import FOLDER/areas.csv"),
    "area remove": ("registry.change", "area remove north"),
    "organisation add": ("registry.change", "organisation add School --type school --code school"),
    "organisation set": ("registry.change", "organisation set school --phone 113"),
    "organisation export": ("registry.export", "organisation export -o FOLDER/them.csv"),
    "organisation import": ("registry.change", "organisation import FOLDER/them.csv"),
    "organisation remove": ("registry.change", "organisation remove school"),
    "camera place": ("registry.change", "camera place gate-1/gate --title Gate"),
    "camera export": ("registry.export", "camera export"),
    "camera import": ("registry.change", "camera import FOLDER/cameras.csv"),
    "camera remove": ("registry.change", "camera remove gate-1/gate"),
    "plan put": ("registry.change", "plan put FOLDER/yard.png --name Yard --code yard"),
    "plan get": ("registry.export", "plan get yard -o FOLDER/again.png"),
    "plan remove": ("registry.change", "plan remove yard"),
    "reader add": ("account.add", "reader add display"),
    "user add": ("user.add", "user add binh"),
    "user change": ("user.change", "user change binh --role operator"),
    "user disable": ("user.change", "user disable binh"),
    "user enable": ("user.enable", "user enable binh"),
    "user password": ("user.invite", "user password binh"),
    "user first": ("user.invite", "user first"),
    "accept-archive": ("archive.accept", "accept-archive"),
}
"""In an order in which each can be done."""

ELSEWHERE = {
    "live": "the running hub, by hub.control.deeds: tests/system/test_live.py",
    "command snapshot": "the running hub, by hub.control.deeds",
    "command restart": "the running hub, by hub.control.deeds",
    "command prove-key": "the running hub, by hub.control.deeds",
    "suggest": "with --apply as settings set does: tests/hub/cli/test_settings.py",
    "node add": "with the node: tests/hub/api/test_enrolment.py",
    "node import": "with the nodes",
    "node replace": "with the node",
    "node revoke": "with the node",
    "token add": "with the token: tests/hub/api/test_users.py",
    "token revoke": "with the token",
    "release trust": "with the key: tests/hub/rollouts",
    "release distrust": "with the key",
    "release add": "with the release",
    "release remove": "with the release",
    "release group": "with the group",
    "release roll-out": "with the roll-out",
    "release pause": "with the roll-out",
    "release resume": "with the roll-out",
    "release abort": "with the roll-out",
}
"""What leaves one by other ways than hub.cli.trail, or needs more than an archive."""

LISTS = "lists, and shows no footage"
NONE = {
    "run": "serves; what it is asked for is written then",
    "key": "prints what is public",
    "replay": "judges anew; changes nothing",
    "check": "verifies; shows no footage",
    "doctor": "verifies; shows no footage",
    "ca make": "root's, of files beside the hub's settings and archive",
    "ca renew": "root's",
    "ca show": "root's",
    "ca use": "root's",
    "ca next": "root's",
    "ca succeed": "root's",
} | dict.fromkeys(
    (
        "query", "timeline", "near", "nodes", "node list", "gaps", "coverage", "problems",
        "filter link", "filter list", "settings show", "settings history", "settings diff",
        "release list", "release status", "release nodes", "area list", "organisation list",
        "camera list", "plan list", "user list", "token list",
    ),
    LISTS,
)  # fmt: skip


def leaves(parser: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The commands, such as `area add`."""
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not groups:
        yield " ".join(path)
    for group in groups:
        for name, command in group.choices.items():
            yield from leaves(command, (*path, name))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with one event of gate-1/door, whose clip is here."""
    folder = tmp_path_factory.mktemp("hub")
    path, archive = new_hub(folder)
    (folder / "yard.png").write_bytes(PNG)
    (folder / "cameras.csv").write_text("node,camera,title\ngate-1,gate,Gate\n")
    journal = Journal("gate-1")
    lines = journal.event(clip=CLIP, snapshot=PICTURE)
    status = Status(1, "online", BOOT, "0.1.0", journal.epoch, journal.key.public.text, ("door",))
    archive.write(Batch(statuses=(StatusNote("gate-1", status, START_UTC),)))
    archive.write(batch(lines))
    digest = hashlib.sha256(CLIP).hexdigest()
    clip = archive.announced_clip("gate-1", str(lines[0].header.event), 0, digest)
    assert clip is not None
    FileClipStore(folder / "state" / "clips", suffix=".mp4").keep(CLIP, digest)
    archive.clip_stored(clip, START_UTC)
    digest = hashlib.sha256(PICTURE).hexdigest()
    shot = archive.announced_snapshot("gate-1", str(lines[0].header.event), digest)
    assert shot is not None
    FileClipStore(folder / "state" / "snapshots", suffix=".jpg").keep(PICTURE, digest)
    archive.snapshots_stored([shot], START_UTC)
    archive.close()
    return path


def entries(config: Path) -> list[AuditEntry]:
    """The trail, newest first."""
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite", is_read_only=True)
    try:
        return archive.audit.entries(AuditFilter(), limit=1000)
    finally:
        archive.close()


def event_of(config: Path) -> str:
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite", is_read_only=True)
    try:
        return archive.events(EventFilter(), limit=1, before=None)[0].id
    finally:
        archive.close()


def test_every_command_is_in_one_table() -> None:
    """So nobody adds one that shows or changes something behind the trail's back."""
    assert sorted(leaves(make_parser())) == sorted([*DEEDS, *ELSEWHERE, *NONE])


@pytest.mark.parametrize("name", DEEDS)
def test_a_command_leaves_its_deed_by_who_logged_in(
    config: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever name it was given."""
    monkeypatch.setenv("SUDO_USER", "lan")
    action, line = DEEDS[name]
    event, before = event_of(config), len(entries(config))
    line = line.replace("EVENT", event).replace("FOLDER", str(config.parent))
    assert main(["--config", str(config), *line.split()]) == 0
    new = [each.deed for each in entries(config)][: len(entries(config)) - before]
    deed = next(each for each in new if each.action == action)
    user = pwd.getpwuid(os.getuid()).pw_name
    told = (deed.user, deed.by, deed.address, deed.outcome)
    assert told == ("lan", "command", user, "done")
    if ANNA in line:
        assert deed.detail["as"] == ANNA
    if action.startswith(("event.", "clip.", "snapshot.")):
        assert (deed.target, deed.detail["camera"]) == (f"event:{event}", "gate-1/door")


def test_who_logged_in_is_told_from_who_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment is soon changed; the log-in's own number is the kernel's."""
    monkeypatch.setenv("SUDO_USER", "somebody.else")
    login = tmp_path / "loginuid"
    login.write_text("0")
    monkeypatch.setattr(trail, "LOGIN_UID", login)
    assert trail.login_name() == "root"
    login.write_text(str(trail.NO_UID))
    assert trail.login_name() == "somebody.else"
    monkeypatch.delenv("SUDO_USER")
    assert trail.login_name() == pwd.getpwuid(os.getuid()).pw_name


def test_what_is_refused_is_written_again_as_refused(config: Path) -> None:
    """The try as well as what came of it."""
    assert main(["--config", str(config), "area", "set", "nowhere", "--name", "x"]) == 1
    newest = [each.deed for each in entries(config)[:2]]
    assert [(each.outcome, each.target) for each in newest] == [
        ("refused", "area:nowhere"), ("done", "area:nowhere"),
    ]  # fmt: skip


def test_what_cannot_be_written_down_is_not_shown(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As over HTTP."""
    event = event_of(config)

    def refuse(*_: object) -> None:
        raise StorageError("no room")

    monkeypatch.setattr(trail, "open_to_write", refuse)
    target = config.parent / "unwritten.mp4"
    for arguments in (["show", event], ["clip", event, "-o", str(target)], ["camera", "export"]):
        assert main(["--config", str(config), *arguments]) == 1
        assert capsys.readouterr().out == ""
    assert not target.exists()
