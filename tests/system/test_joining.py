"""From a node file to a node: real hub, real broker, real box, over TLS."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from edge.contract import nodefile, topics
from tests.system.joining import CAMERA, Box, Place, place, read
from tests.system.stage import wait

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("joining")]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Hub and broker for all tests of this module."""
    with place(tmp_path_factory.mktemp("joining")) as made:
        yield made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_blank_box_becomes_a_node(town: Place) -> None:
    """One file, one command: good settings, secrets for the owner alone, and let in at once."""
    sub = ("--sub-stream", "gate=rtsp://192.0.2.10/stream2")
    file = town.add("gate-3", "--camera", CAMERA, *sub, "--camera", "yard=csi:")
    assert mode(file) == 0o600
    box = town.box("one")
    done = box.enrol(file)
    assert done.returncode == 0, done.stderr
    assert "gate-3 now, and watches gate, yard" in done.stdout
    assert box.check_config().returncode == 0
    assert not file.exists()
    settings = yaml.safe_load(box.config.read_text(encoding="utf-8"))
    (gate, yard) = settings["cameras"]
    assert (gate["source"], gate["user"]) == ("rtsp://192.0.2.10/stream1", "viewer")
    assert Path(gate["password_file"]).read_text(encoding="utf-8") == "geheim5\n"
    assert yard == {"name": "yard", "source": "csi:"}
    secrets = [gate["password_file"], settings["hub"]["secret_file"], box.state_dir / "node.key"]
    assert [mode(Path(each)) for each in secrets] == [0o600] * 3
    assert "geheim5" not in box.config.read_text(encoding="utf-8") + done.stdout + done.stderr
    with town.connect(box.account("gate-3")) as link:
        assert link.publish(topics.motion("gate-3", "gate"), b"OFF") != "Not authorized"
    assert town.node("gate-3")["key"] == box.key.public.text
    assert [each["outcome"] for each in town.audit("node.enrol")[:1]] == ["done"]


def test_asking_again_changes_nothing(town: Place) -> None:
    """A power cut after the last step leaves the node file; the next start runs it again."""
    file = town.add("again-1")
    copy = file.read_bytes()
    box = town.box("again")
    assert box.enrol(file).returncode == 0
    account, before = box.account("again-1"), box.config.read_bytes()
    file.write_bytes(copy)
    done = box.enrol(file)
    assert (done.returncode, "already" in done.stdout) == (0, True)
    assert (box.account("again-1"), box.config.read_bytes()) == (account, before)
    assert town.is_let_in(account)
    assert not file.exists()


@pytest.mark.parametrize(
    "step",
    ["part.created@.key:1", "enrol.noted:1", "enrol.redeemed:1", "publish.fsync@ca.pem:1",
     "rename.flush@hub.pub:1", "publish.fsync@.password:1", "publish.fsync@.secret:1",
     "publish.done@.secret:1", "publish.fsync@edge.yaml:1", "publish.done@edge.yaml:1",
     "publish.fsync@enrolment.json:2", "remove.flush:1"],
)  # fmt: skip
def test_a_power_cut_at_any_step_is_mended_by_running_it_again(
    town: Place, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same box asks the same question, and the hub gives the same answer."""
    name = "cut-" + "".join(each for each in step if each.isalnum())[:24].lower()
    file, box = town.add(name), town.box(name)
    copy = file.read_bytes()
    monkeypatch.setenv("CAMWATCH_CRASH_AT", step)
    assert box.enrol(file).returncode == -9
    monkeypatch.delenv("CAMWATCH_CRASH_AT")
    if not file.exists() or b"\0" in file.read_bytes():
        assert box.check_config().returncode == 0  # all was done, the file being wiped
        file.write_bytes(copy)
    done = box.enrol(file)
    assert done.returncode == 0, done.stderr
    assert box.check_config().returncode == 0
    assert town.is_let_in(box.account(name))


def test_the_text_of_the_qr_code_is_as_good_as_the_file(town: Place) -> None:
    """A phone that read the code hands it on."""
    file = read(town.add("phone-1"))
    box = town.box("phone")
    text = town.folder / "text"
    text.write_text(nodefile.to_text(file), encoding="ascii")
    assert box.enrol(text).returncode == 0
    assert town.is_let_in(box.account("phone-1"))


def test_settings_that_are_there_stay(town: Place) -> None:
    """A new node file changes where the hub and the cameras are, and no zones and masks."""
    box = town.box("kept")
    assert box.enrol(town.add("kept-1")).returncode == 0
    settings = yaml.safe_load(box.config.read_text(encoding="utf-8"))
    settings["cameras"][0]["motion"] = {"sensitivity": 7}
    settings["log_level"] = "debug"
    box.config.write_text("# mine\n" + yaml.safe_dump(settings), encoding="utf-8")
    file = town.replace("kept-1", "--camera", "gate=rtsp://192.0.2.99/live")
    assert box.enrol(file).returncode == 0
    after = yaml.safe_load(box.config.read_text(encoding="utf-8"))
    assert after["log_level"] == "debug"
    assert after["cameras"][0]["motion"] == {"sensitivity": 7}
    assert after["cameras"][0]["source"] == "rtsp://192.0.2.99/live"
    assert "password_file" not in after["cameras"][0]
    assert box.config.with_name("edge.yaml.before").read_text(encoding="utf-8")[:6] == "# mine"


def test_hand_written_settings_that_say_the_same_are_not_touched(town: Place) -> None:
    """Comments and order are somebody's work."""
    box = town.box("hand")
    assert box.enrol(town.add("hand-1")).returncode == 0
    text = b"# mine\n" + box.config.read_bytes()
    box.config.write_bytes(text)
    assert box.enrol(town.replace("hand-1")).returncode == 0
    assert box.config.read_bytes() == text


def test_a_box_that_is_another_node_asks_before_it_changes_sides(town: Place) -> None:
    """--force says yes; what was there is kept beside."""
    box = town.box("sides")
    assert box.enrol(town.add("side-1")).returncode == 0
    file = town.add("side-2")
    done = box.enrol(file)
    assert (done.returncode, "--force" in done.stderr) == (78, True)
    assert file.exists()
    assert box.enrol(file, "--force").returncode == 0
    assert "side-1" in box.config.with_name("edge.yaml.before").read_text(encoding="utf-8")


def test_a_used_or_revoked_node_file_is_refused_for_good(town: Place) -> None:
    """78, which no service tries again by itself; each try would be in the audit trail."""
    file = town.add("used-1")
    copy = town.folder / "used.copy"
    copy.write_bytes(file.read_bytes())
    assert town.box("first").enrol(file).returncode == 0
    done = town.box("second").enrol(copy)
    assert done.returncode == 78, done.stderr
    assert "another box has joined with this node file of used-1\n  if that was" in done.stderr
    town.command("node", "revoke", "used-1")
    done = town.box("third").enrol(copy)
    assert (done.returncode, "used-1 was revoked" in done.stderr) == (78, True)


def test_without_a_camera_nothing_is_redeemed(town: Place) -> None:
    """A box that would not start is told so while its token is still good."""
    file, box = town.folder / "bare.node", town.box("bare")
    town.command("node", "add", "bare-1", "--to", str(file))
    done = box.enrol(file)
    assert (done.returncode, "cameras" in done.stderr) == (78, True)
    assert town.node("bare-1")["enrolled_utc"] is None
    assert town.node("bare-1")["awaited_until_utc"] is not None


def test_a_new_box_takes_the_name_and_the_old_one_is_out(town: Place) -> None:
    """With the cameras of the old file; the name's history is one."""
    old = town.join("dead-1")
    account = old.account("dead-1")
    with town.connect(account) as link:
        file = town.replace("dead-1")
        assert read(file).cameras[0].password == "geheim5"
        assert link.is_open
        new = town.box("new-dead")
        assert new.enrol(file).returncode == 0
        wait(lambda: not link.is_open, 10, "the old box's end")
    assert not town.is_let_in(account)
    assert town.is_let_in(new.account("dead-1"))
    assert town.node("dead-1")["key"] == new.key.public.text


def test_a_hub_that_is_away_is_waited_for(town: Place) -> None:
    """A box that starts before its hub joins when that is there."""
    file, box = town.add("early-1"), town.box("early")
    town.hub.stop()
    done = box.enrol(file)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert file.exists()
    starting = threading.Timer(3.0, town.hub.start_ready)
    starting.start()
    try:
        done = box.enrol(file, "--wait", "3m")
    finally:
        starting.join()
    assert done.returncode == 0, done.stderr
    assert town.is_let_in(box.account("early-1"))


def test_many_boxes_from_one_list(town: Place) -> None:
    """200 nodes from a spreadsheet, and a list with one mistake makes none."""
    table = town.folder / "list.csv"
    lines = [f"many-{n},gate,rtsp://192.0.2.{n % 250}/s,viewer,p{n}" for n in range(200)]
    head = "node,camera,source,user,password"
    wrong = [*lines[:3], "many-x,gate,ftp://192.0.2.1/,,", "Many-Y,,,,"]
    table.write_text("\n".join([head, *wrong]), encoding="utf-8")
    said = town.command("node", "import", str(table), "--to", str(town.folder / "m"), status=1)
    assert "line 5, source" in said
    assert "line 6, node" in said
    table.write_text("\n".join([head, *lines]), encoding="utf-8")
    town.command("node", "import", str(table), "--to", str(town.folder / "m"))
    files = sorted((town.folder / "m").glob("*.node"))
    assert len(files) == 200
    box = town.box("many")
    assert box.enrol(files[7]).returncode == 0
    assert town.is_let_in(box.account(read_name(box)))


def read_name(box: Box) -> str:
    """The node that the box has become."""
    return str(yaml.safe_load(box.config.read_text(encoding="utf-8"))["node"])


def refused(box: Box) -> list[str]:
    """What the doctor advises where the box is refused."""
    found = box.doctor()
    checks = [found["hub.credential"], found["hub.uploads"]]
    assert [each["outcome"] for each in checks] == ["fail", "fail"]
    return [each["remedy"] for each in checks]


def test_the_doctor_of_a_box_that_is_shut_out_says_how_it_joins_again(town: Place) -> None:
    """Revoked, or replaced by another box: that it was let in once stands on the box."""
    one = town.join("out-1")
    assert one.doctor()["hub.credential"]["outcome"] == "pass"
    town.command("node", "revoke", "out-1")
    wanted = "camwatch-hub node replace out-1 --to out-1.node there"
    for remedy in refused(one):
        assert remedy.startswith("this box was enrolled, and out-1 was shut out, another box")
        assert wanted in remedy
        assert "reload" not in remedy
    other = town.box("out-other")
    assert other.enrol(town.replace("out-1")).returncode == 0
    assert other.doctor()["hub.credential"]["outcome"] == "pass"
    assert all(wanted in remedy for remedy in refused(one))
