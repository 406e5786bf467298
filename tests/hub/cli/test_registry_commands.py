"""Areas, organisations, cameras and plans as a shell user keeps them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hub.cli.main import main
from tests.hub.archive.conformance import batch
from tests.hub.cli.hubs import new_hub
from tests.hub.journals import Journal
from tests.hub.registry.test_picture import PNG


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file whose archive has an event of gate-1/door."""
    path, archive = new_hub(tmp_path, "Asia/Ho_Chi_Minh")
    archive.write(batch(Journal().event()))
    archive.close()
    return path


class Shell:
    """Runs commands in this process and gives what they print."""

    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._config = config
        self._capsys = capsys
        self.error = ""

    def __call__(self, *arguments: str, status: int = 0) -> list[str]:
        assert main(["--config", str(self._config), *arguments]) == status
        out, self.error = self._capsys.readouterr()
        return out.splitlines()


@pytest.fixture
def shell(config: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell with a small town."""
    shell = Shell(config, capsys)
    assert shell("area", "add", "Phường Liên Chiểu", "--kind", "town") == ["phuong-lien-chieu"]
    shell("area", "add", "Tổ 5", "--kind", "group", "--under", "phuong-lien-chieu")
    shell("area", "add", "Cụm 2", "--kind", "cluster", "--under", "to-5", "--code", "cum-2")
    shell("organisation", "add", "Trường Lê Văn Tám", "--type", "school", "--code", "school")
    return shell


def test_areas_are_listed_as_a_tree(shell: Shell) -> None:
    """With their names; as JSON with the way up."""
    lines = shell("area", "list")
    assert [line.split()[0] for line in lines[1:]] == ["phuong-lien-chieu", "to-5", "cum-2"]
    assert lines[3].startswith("    cum-2")
    cluster = json.loads(shell("area", "list", "--json")[2])
    assert cluster["path"] == ["Phường Liên Chiểu", "Tổ 5", "Cụm 2"]


def test_areas_that_are_cut_anew_end_and_go_into_others(shell: Shell) -> None:
    """The day decides what is listed; the past of the old one is found under the new one."""
    shell("camera", "place", "gate-1/door", "--area", "cum-2")
    shell("area", "add", "Tổ 6", "--kind", "group", "--under", "phuong-lien-chieu",
          "--from", "2026-07-01")  # fmt: skip
    shell("area", "end", "to-5", "--on", "2026-07-01", "--into", "to-6", status=1)
    assert "area cum-2, until: its parent to-5 ends on 2026-07-01" in shell.error
    shell("area", "set", "cum-2", "--under", "to-6")
    shell("area", "end", "to-5", "--on", "2026-07-01", "--into", "to-6")
    for day, codes in (("2026-06-30", ["to-5"]), ("2026-07-01", ["to-6"])):
        found = [json.loads(line) for line in shell("area", "list", "--json", "--at", day)]
        assert [area["code"] for area in found if area["kind"] == "group"] == codes
    assert len(shell("query", "--json", "--area", "to-6")) == 1


def test_a_wrong_change_is_told_and_not_made(shell: Shell) -> None:
    """Field and remedy; status 1."""
    shell(
        "area",
        "add",
        "Tổ 5",
        "--kind",
        "group",
        "--code",
        "to-5",
        "--under",
        "phuong-lien-chieu",
        status=1,
    )
    assert "there is area to-5 already: Tổ 5" in shell.error
    shell("area", "set", "to-5", "--under", "to-55", status=1)
    assert "area to-5, parent: there is no area 'to-55'" in shell.error
    shell("area", "remove", "to-5", status=1)
    assert "area to-5 is needed by area cum-2" in shell.error
    shell("area", "set", "to-9", "--name", "x", status=1)
    assert "there is no area to-9" in shell.error
    assert len(shell("area", "list", "--json")) == 3


def test_organisations_are_kept_with_whom_to_call(shell: Shell) -> None:
    """And with how many cameras they have."""
    shell("organisation", "set", "school", "--contact", "Cô Đào", "--phone", "0236 3822 113")
    shell("camera", "place", "gate-1/door", "--organisation", "school")
    (line,) = shell("organisation", "list", "--json")
    found = json.loads(line)
    assert (found["contact"], found["phone"], found["cameras"]) == ("Cô Đào", "0236 3822 113", 1)
    assert "Cô Đào" in shell("organisation", "list")[1]
    shell("organisation", "set", "school", "--email", "nobody", status=1)
    assert "organisation school, email: 'nobody' is no address" in shell.error
    assert len(shell("query", "--json", "--organisation", "school")) == 1


def test_a_camera_is_placed_from_a_time_on(shell: Shell) -> None:
    """Its first place is for always; a later one leaves the past where it was."""
    shell("camera", "place", "gate-1/door", "--area", "cum-2", "--title", "Cổng chính")
    shell("camera", "place", "gate-1/door", "--organisation", "school", "--since", "2026-07-01")
    (line,) = shell("camera", "list", "--json")
    camera = json.loads(line)
    assert camera["title"] == "Cổng chính"
    assert [(p["since_utc"], p["area"], p["organisation"]) for p in camera["places"]] == [
        (None, "cum-2", None), ("2026-06-30T17:00:00.000Z", "cum-2", "school"),
    ]  # fmt: skip
    assert shell("query", "--json", "--organisation", "school", status=1) == []
    shell("camera", "place", "gate-1/door", "--area", "", "--since", "always")
    (line,) = shell("camera", "list", "--json")
    assert [p["area"] for p in json.loads(line)["places"]] == [None]


def test_a_camera_with_footage_is_never_forgotten(shell: Shell) -> None:
    """One that was registered by mistake is."""
    shell("camera", "remove", "gate-1/door", status=1)
    assert "there is footage of gate-1/door" in shell.error
    shell("camera", "place", "gate-9/door", "--area", "cum-2")
    shell("camera", "remove", "gate-9/door")
    assert len(shell("camera", "list", "--json")) == 1


def test_a_plan_is_kept_and_given_back(shell: Shell, tmp_path: Path) -> None:
    """Byte for byte; cameras stand on it, also on the picture that takes its place."""
    picture, copy = tmp_path / "yard.png", tmp_path / "copy.png"
    picture.write_bytes(PNG)
    assert shell("plan", "put", str(picture), "--name", "Sân trường", "--area", "cum-2") == [
        "san-truong"
    ]
    shell("camera", "place", "gate-1/door", "--plan", "san-truong", "--at", "0.25,0.7")
    picture.write_bytes(PNG + b"more")
    shell("plan", "put", str(picture), "--name", "Sân", "--code", "san-truong")
    shell("plan", "get", "san-truong", "-o", str(copy))
    assert copy.read_bytes() == PNG + b"more"
    plan = json.loads(shell("plan", "list", "--json")[0])
    assert (plan["name"], plan["width"], plan["height"]) == ("Sân", 800, 600)
    assert "san-truong 0.25,0.7" in shell("camera", "list")[1]
    picture.write_bytes(b"GIF89a")
    shell("plan", "put", str(picture), "--name", "x", status=1)
    assert "picture: it is neither PNG nor JPEG" in shell.error


@pytest.mark.parametrize("what", ["area", "organisation", "camera"])
def test_every_table_goes_out_and_in_as_csv(
    shell: Shell, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a file and from standard input, without a change."""
    shell("camera", "place", "gate-1/door", "--area", "cum-2", "--organisation", "school")
    file, before = tmp_path / "out.csv", shell(what, "list", "--json")
    shell(what, "export", "-o", str(file))
    assert len(shell(what, "import", str(file))) == 1
    stdin = SimpleNamespace(buffer=io.BytesIO(file.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    shell(what, "import", "-")
    assert shell(what, "list", "--json") == before
    file.write_text("what\n1\n")
    shell(what, "import", str(file), status=1)
    assert "line 1: the column" in shell.error


def test_a_query_for_an_area_that_is_none_is_told(shell: Shell) -> None:
    """Rather than that nothing happened there."""
    for option in ("--area", "--organisation"):
        shell("query", option, "cum-3", status=1)
        assert f"there is no {option[2:]} cum-3" in shell.error
