"""Users and tokens on the command line, over an archive on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.archive import SqliteArchive
from hub.archive.audit import AuditFilter
from hub.archive.people import Token, User
from hub.archive.registry_values import Area
from hub.archive.scope import EVERYTHING, Scope
from hub.cli.main import main
from hub.cli.trail import actor
from hub.registry import edit, users
from tests.hub.cli.hubs import new_hub

PASSWORD = "bốn từ không liên quan"
SOUTH = Scope(areas=frozenset({"south"}))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub with an area and its administrator."""
    path, archive = new_hub(tmp_path)
    edit.change(archive, lambda before: edit.put_area(before, Area("south", "town", "South")))
    archive.close()
    assert run(path, "user", "add", "anna", "--role", "administrator") == 0
    return path


def run(config: Path, *arguments: str) -> int:
    return main([*arguments, "--config", str(config)])


def read(config: Path, name: str) -> tuple[User, list[Token], list[str]]:
    """That user, their tokens, and the actions in the trail, newest first."""
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite")
    try:
        user = archive.people.user_named(name)
        assert user is not None
        entries = archive.audit.entries(AuditFilter(target=f"user:{name}"), limit=20)
        return user, archive.people.tokens(user.id), [each.deed.action for each in entries]
    finally:
        archive.close()


def test_a_user_is_changed_in_what_is_given_and_nothing_else(config: Path) -> None:
    """Role, names, language, and what they see; each change is in the trail."""
    run(config, "user", "add", "binh", "--full-name", "Trần Bình", "--area", "south")
    assert run(config, "user", "change", "binh", "--role", "operator") == 0
    user, _, actions = read(config, "binh")
    assert (user.role, user.full_name, user.scope) == ("operator", "Trần Bình", SOUTH)
    assert actions[0] == "user.change"
    assert run(config, "user", "change", "binh", "--everything", "--language", "vi") == 0
    user, _, _ = read(config, "binh")
    assert (user.role, user.scope, user.language) == ("operator", EVERYTHING, "vi")
    assert run(config, "user", "change", "binh", "--area", "south", "--full-name", "Bình") == 0
    user, _, _ = read(config, "binh")
    assert (user.full_name, user.scope) == ("Bình", SOUTH)


def test_what_cannot_be_changed_is_refused_and_stays(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing given, no such area, no such user, both kinds of scope, the last administrator."""
    run(config, "user", "password", "anna")
    for wrong, said in (
        (("anna",), "say what to change"),
        (("anna", "--area", "nosuch"), "nosuch"),
        (("nobody", "--role", "viewer"), "there is no user nobody"),
        (("anna", "--everything", "--area", "south"), "--everything"),
    ):
        assert run(config, "user", "change", *wrong) != 0
        assert said in capsys.readouterr().err, wrong
    activate(config, "anna")
    assert run(config, "user", "change", "anna", "--role", "viewer") == 1
    assert "last administrator" in capsys.readouterr().err
    assert read(config, "anna")[0].role == "administrator"


def test_a_token_may_see_less_than_its_user(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list says so; an area that is none is refused."""
    activate(config, "anna")
    assert run(config, "token", "add", "anna", "screen", "--area", "nosuch") == 1
    assert run(config, "token", "add", "anna", "screen", "--area", "south") == 0
    assert run(config, "token", "add", "anna", "wall") == 0
    scopes = {token.name: token.scope for token in read(config, "anna")[1]}
    assert scopes == {"screen": SOUTH, "wall": EVERYTHING}
    capsys.readouterr()
    assert run(config, "token", "list") == 0
    told = capsys.readouterr().out
    assert "south" in told and "as the user" in told


def activate(config: Path, name: str) -> None:
    """The user has chosen a password."""
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite")
    try:
        user = archive.people.user_named(name)
        assert user is not None
        users.set_password(archive.people, user, PASSWORD, actor())
    finally:
        archive.close()
