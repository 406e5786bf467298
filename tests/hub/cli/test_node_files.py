"""`camwatch-hub node add` and `node replace`: what is refused before a token is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.contract import nodefile
from hub.cli import node_files
from hub.cli.main import main
from tests.harness.broker import free_port

URL = "rtsp://192.0.2.10/stream1"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hub.yaml"
    path.write_text(f"state_dir: {tmp_path / 'state'}\n")
    (tmp_path / "state").mkdir()
    return path


def run(config: Path, *arguments: object) -> int:
    return main(["--config", str(config), "node", *map(str, arguments)])


def test_a_node_file_of_another_node_is_never_overwritten(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its token is nowhere else; and the node that was refused can be added after that."""
    to = tmp_path / "gate-3.node"
    assert run(config, "add", "gate-3", "--camera", URL, "--to", to) == 0
    before = to.read_bytes()
    capsys.readouterr()
    assert run(config, "add", "gate-4", "--camera", URL, "--to", to) == 1
    assert f"--to: {to} is there already, for gate-3" in capsys.readouterr().err
    assert to.read_bytes() == before
    assert run(config, "add", "gate-4", "--camera", URL, "--to", tmp_path / "gate-4.node") == 0


def test_a_broker_that_does_not_show_that_a_node_is_out_is_an_error(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who shuts out a stolen box must not take it for out; what to look at is said."""
    monkeypatch.setattr(node_files, "PROOF_S", 0.1)
    with config.open("a") as file:
        file.write(f"mqtt:\n  port: {free_port()}\n")
    assert run(config, "add", "gate-3", "--camera", URL, "--to", config.parent / "a.node") == 0
    capsys.readouterr()
    assert run(config, "revoke", "gate-3") == 1
    said = capsys.readouterr()
    assert "the account of gate-3 has ended, but its connection may go on" in said.err
    assert "Connection refused" in said.err and "hint: is it running" in said.err
    assert said.out == ""


def test_a_replacement_may_take_the_place_of_its_own_file(config: Path, tmp_path: Path) -> None:
    """The older one ends with it."""
    to, code = tmp_path / "gate-3.node", tmp_path / "gate-3.png"
    assert run(config, "add", "gate-3", "--camera", URL, "--to", to, "--qr", code) == 0
    before = nodefile.decode(to.read_bytes())
    assert run(config, "replace", "gate-3", "--to", to, "--qr", code) == 0
    after = nodefile.decode(to.read_bytes())
    assert after.node == "gate-3"
    assert after.token != before.token


def test_no_other_file_or_picture_is_overwritten(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped name must not cost what is there."""
    letter, picture = tmp_path / "letter.txt", tmp_path / "gate-3.png"
    for path in (letter, picture):
        path.write_bytes(b"keep me")
    assert run(config, "add", "gate-4", "--camera", URL, "--to", letter) == 1
    assert run(config, "add", "gate-4", "--camera", URL, "--qr", picture) == 1
    assert f"--qr: {picture} is there already" in capsys.readouterr().err
    assert [path.read_bytes() for path in (letter, picture)] == [b"keep me"] * 2


def listed(tmp_path: Path, *names: str) -> Path:
    """A list of nodes without cameras."""
    table = tmp_path / "nodes.csv"
    table.write_text("\n".join(("node", *names)) + "\n")
    return table


@pytest.mark.parametrize("there", ["gate-4.node", "gate-4.png"])
def test_a_list_overwrites_no_file(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], there: str
) -> None:
    """It may be another hub's node file, whose token is nowhere else; no node is made then, so that
    the same list can be given again."""
    table, folder = listed(tmp_path, "gate-3", "gate-4"), tmp_path / "files"
    folder.mkdir()
    (folder / there).write_bytes(b"keep me")
    assert run(config, "import", table, "--to", folder, "--qr") == 1
    told = capsys.readouterr().err
    assert f"--to: {folder / there}: there already, and nothing was made" in told
    assert "name another folder" in told
    assert (folder / there).read_bytes() == b"keep me"
    assert [each.name for each in folder.iterdir()] == [there]
    assert run(config, "import", table, "--to", tmp_path / "others", "--qr") == 0
    assert {each.name for each in (tmp_path / "others").iterdir()} == {
        "gate-3.node", "gate-3.png", "gate-4.node", "gate-4.png"
    }  # fmt: skip


def test_a_list_that_was_taken_already_is_told_so_and_not_to_remove_its_files(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their tokens are good."""
    table, folder = listed(tmp_path, "gate-3"), tmp_path / "files"
    assert run(config, "import", table, "--to", folder) == 0
    assert capsys.readouterr().out == f"1 node file in {folder}\n"
    assert run(config, "import", table, "--to", folder) == 1
    told = capsys.readouterr().err
    assert "there is a node of that name already" in told
    assert "remove" not in told


def test_a_folder_takes_the_file_by_the_nodes_name(config: Path, tmp_path: Path) -> None:
    """As cp does."""
    assert run(config, "add", "gate-3", "--camera", URL, "--to", tmp_path) == 0
    assert nodefile.decode((tmp_path / "gate-3.node").read_bytes()).node == "gate-3"


@pytest.mark.parametrize(
    ("camera", "told"),
    [
        ("gate", "neither an address"),
        ("gate=foo", "neither an address"),
        ("gate=file:foo.mp4", "neither an address"),
        (f"bad name={URL}", "'bad name' cannot be a camera's name"),
    ],
)
def test_what_is_no_camera_is_refused_in_the_office(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], camera: str, told: str
) -> None:
    """Not found out on site."""
    to = tmp_path / "gate-3.node"
    assert run(config, "add", "gate-3", "--camera", camera, "--to", to) == 1
    assert told in capsys.readouterr().err
    assert not to.exists()


@pytest.mark.parametrize("camera", [f"{URL}?channel=1", "/srv/a=b.mp4", "csi:?camera=0"])
def test_an_address_may_hold_a_sign_of_equality(config: Path, tmp_path: Path, camera: str) -> None:
    """Which makes no name of what is before it."""
    to = tmp_path / "gate-3.node"
    assert run(config, "add", "gate-3", "--camera", camera, "--to", to) == 0
    (found,) = nodefile.decode(to.read_bytes()).cameras
    assert (found.name, found.source) == ("camera", camera)


def test_a_camera_user_needs_a_password(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line as in a list."""
    given = ("add", "gate-3", "--camera", URL, "--camera-user", "viewer")
    assert run(config, *given, "--to", tmp_path / "gate-3.node") == 1
    assert "--camera-password-file FILE" in capsys.readouterr().err
    table = tmp_path / "nodes.csv"
    table.write_text(f"node,camera,source,user\ngate-3,gate,{URL},viewer\n")
    assert run(config, "import", table, "--to", tmp_path / "files") != 0
    assert "password: a user at a camera needs one" in capsys.readouterr().err


def test_a_password_file_that_cannot_be_read_says_why(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what it must be like."""
    given = ("add", "gate-3", "--camera", URL, "--camera-user", "viewer")
    assert run(config, *given, "--camera-password-file", tmp_path / "nofile") == 78
    told = capsys.readouterr().err
    assert "nofile: No such file or directory" in told
    assert "mode 0600" in told
