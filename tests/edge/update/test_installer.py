"""The installer as a process: what it lets in, what it takes back, and what a kill leaves."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import signal
from pathlib import Path

import pytest

from edge.keys import load_or_make
from edge.update import build, inbox, links
from tests.edge.update.rig import BACK, BEFORE, FIRST, TRIED, Rig, dummy, said
from tests.harness import releases
from tests.harness.releases import ARCH

NEW = "0.2.0"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_a_bundle_is_built_tried_and_kept_beside_the_version_before(rig: Rig) -> None:
    """The whole way with pip and no network: from the tar to a version that proved itself."""
    path = rig.folder / "b.tar"
    releases.write_tar(path, dummy(NEW))
    made = releases.sign(rig.maker, NEW, {ARCH: path})
    rig.offer(made)
    with rig.agent():
        done = rig.run()
    assert said(rig.progress()) == ("good", None), done.stderr
    assert (rig.version("current"), rig.version("proven")) == (NEW, NEW)
    assert rig.kept() == {FIRST, NEW}
    assert rig.restarted() == 1
    assert not rig.inbox.is_ready()
    assert not list((rig.root / "var/lib/camwatch-update").glob("work*"))


def test_the_next_update_lets_the_oldest_version_go(rig: Rig) -> None:
    """Exactly one is kept to return to."""
    for number, version in enumerate((NEW, "0.3.0"), start=1):
        made = rig.release(version)
        rig.offer(made, number)
        if number == 1:
            rig.stand_in(made)
            with rig.agent():
                rig.run()
            # From here on the installer runs from the stand-in, which has none: go on with ours.
            (rig.software / "proven").unlink()
            (rig.software / "proven").symlink_to(f"versions/{FIRST}")
            (rig.software / "current").unlink()
            (rig.software / "current").symlink_to(f"versions/{FIRST}")
        else:
            path = rig.folder / "b.tar"
            releases.write_tar(path, dummy(version))
            rig.offer(releases.sign(rig.maker, version, {ARCH: path}), number)
            with rig.agent():
                done = rig.run()
            assert said(rig.progress()) == ("good", None), done.stderr
    assert rig.kept() == {FIRST, "0.3.0"}


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"is_dead": True}, "no_sign_of_life"),
        ({"is_connected": False}, "no_packets"),
        ({"is_blind": True}, "no_packets"),
        ({"is_heard": False}, "no_hub"),
        ({"has_journal": False}, "journal"),
        ({"is_crashing": True}, "unsteady"),
    ],
)
def test_a_version_that_does_not_do_what_the_one_before_did_is_taken_back(
    rig: Rig, behaviour: dict[str, object], reason: str
) -> None:
    """Each with its reason; the old version runs again and the bad one is gone."""
    made = rig.release(NEW)
    rig.stand_in(made)
    rig.offer(made)
    with rig.agent({NEW: behaviour}):
        done = rig.run()
    assert said(rig.progress()) == ("returned", reason), done.stderr
    assert (rig.version("current"), rig.version("proven")) == (FIRST, FIRST)
    assert rig.kept() == {FIRST}
    assert rig.restarted() == 2


def test_a_camera_that_was_lost_before_is_not_asked_for(rig: Rig) -> None:
    """Else a broken camera would keep its node at an old version for ever."""
    made = rig.release(NEW)
    rig.stand_in(made)
    rig.offer(made)
    lost: dict[str, object] = {"is_connected": False, "is_blind": True}
    with rig.agent({FIRST: lost, NEW: lost}):
        done = rig.run()
    assert said(rig.progress()) == ("good", None), done.stderr


def test_what_nobody_of_the_right_ones_signed_is_refused(rig: Rig) -> None:
    """Another maker, another hub, a changed manifest: nothing is unpacked, nothing restarted."""
    stranger = load_or_make(rig.folder / "stranger.key")
    made = rig.release(NEW)
    good = rig.order(made, 1)
    foreign = releases.sign(stranger, NEW, {ARCH: rig.folder / f"{NEW}.tar"})
    changed = dataclasses.replace(made, manifest=made.manifest.replace(b"0.2.0", b"0.2.1"))
    cases = {
        "signature": [rig.order(foreign, 2), rig.order(changed, 3)],
        "order": [
            dataclasses.replace(good, signature=stranger.sign(good.payload)),
            dataclasses.replace(good, payload=good.payload.replace(b"gate-3", b"gate-4")),
            rig.order(made, 5, node="gate-4"),
        ],
    }
    for reason, orders in cases.items():
        for each in orders:
            rig.hand_over(each, b"x" * 1000)
            done = rig.run()
            assert done.returncode == 0, done.stderr
            assert said(rig.progress()) == ("refused", reason), done.stderr
            assert not rig.inbox.is_ready()
    assert rig.kept() == {FIRST}
    assert rig.restarted() == 0


@pytest.mark.parametrize(
    ("version", "more", "reason"),
    [
        ("0.0.9", {}, "older"),
        (NEW, {"node_from": "0.1.5"}, "from"),
    ],
)
def test_a_release_for_another_node_is_refused(
    rig: Rig, version: str, more: dict[str, object], reason: str
) -> None:
    """Older than what runs; too far away."""
    rig.offer(rig.release(version, **more))
    rig.run()
    assert said(rig.progress()) == ("refused", reason)


def test_a_release_for_another_machine_is_refused(rig: Rig) -> None:
    """By architecture, and by the version of Python."""
    made = rig.release(NEW)
    (bundle,) = made.release.bundles
    for number, (change, reason) in enumerate(
        [({"arch": "riscv64"}, "arch"), ({"pythons": ("3.99",)}, "python")], start=1
    ):
        other = dataclasses.replace(bundle, **change)  # type: ignore[arg-type]
        rig.offer(rig.release(NEW, bundles=(other,)), number)
        rig.run()
        assert said(rig.progress()) == ("refused", reason)


def test_an_older_release_is_taken_where_the_hub_means_it(rig: Rig) -> None:
    """The order says so, under the hub's signature."""
    made = rig.release("0.0.9")
    rig.stand_in(made)
    rig.offer(made, may_be_older=True)
    with rig.agent():
        done = rig.run()
    assert said(rig.progress()) == ("good", None), done.stderr


def test_an_order_does_nothing_the_second_time(rig: Rig) -> None:
    """Numbers rise: what was recorded and laid down again is let go of."""
    made = rig.release(NEW)
    rig.stand_in(made)
    rig.offer(made, 7)
    with rig.agent({NEW: {"is_heard": False}}):
        rig.run()
        rig.stand_in(made)
        rig.offer(made, 7)
        rig.run()
    assert rig.progress()["number"] == 7
    assert rig.restarted() == 2, "once to try it, once to take it back"


def test_a_step_without_a_way_back_is_refused(rig: Rig) -> None:
    """A journal that the version before could not go on in would cost its records."""
    for number, (journal, usable_from) in enumerate([(99, 99), (1, 1)], start=1):
        made = rig.release(NEW)
        rig.stand_in(made, journal=journal, usable_from=usable_from)
        rig.offer(made, number)
        rig.run()
        assert said(rig.progress()) == ("refused", "one_way")
        build.remove(rig.layout.versions / NEW)
    assert rig.restarted() == 0


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("#!/bin/sh\nexit 1\n", "self_test"),
        ("#!/bin/sh\nexit 78\n", "settings"),
        ("#!/bin/sh\necho no json\n", "self_test"),
        (
            '#!/bin/sh\necho \'{"version": "9.9.9", "journal": 2, "journal_usable_from": 2}\'\n',
            "bundle",
        ),
    ],
)
def test_a_version_that_fails_its_own_test_never_runs(rig: Rig, script: str, reason: str) -> None:
    """Nothing was stopped for it."""
    made = rig.release(NEW)
    rig.stand_in(made, script=script)
    rig.offer(made)
    rig.run()
    assert said(rig.progress()) == ("failed", reason)
    assert rig.restarted() == 0
    assert rig.version() == FIRST


@pytest.mark.parametrize("data", [b"x" * 999, b"x" * 1001, b"y" * 1000, b""])
def test_a_bundle_that_is_not_the_signed_one_is_told(rig: Rig, data: bytes) -> None:
    """Cut short, longer, or other bytes."""
    made = rig.release(NEW)
    rig.hand_over(rig.order(made), data)
    rig.run()
    assert said(rig.progress()) == ("failed", "bundle")


def test_what_is_no_bundle_inside_is_told(rig: Rig) -> None:
    """Signed all the same: no tar, or one that would write elsewhere."""
    path = rig.folder / "evil.tar"
    for number, held in enumerate([{"../../evil": b"x"}, {"wheels/x.whl": b"x"}], start=1):
        releases.write_tar(path, held)
        rig.offer(releases.sign(rig.maker, NEW, {ARCH: path}), number)
        rig.run()
        assert said(rig.progress()) == ("failed", "bundle")
    rig.offer(rig.release(NEW), 3)
    rig.run()
    assert said(rig.progress()) == ("failed", "bundle")
    assert not (rig.root.parent / "evil").exists()


def test_links_laid_down_in_place_of_files_are_not_followed(rig: Rig) -> None:
    """The agent's folder may be anybody's by the time that root looks."""
    secret = rig.folder / "secret"
    secret.write_bytes(b"x" * 1000)
    made = rig.release(NEW)
    rig.hand_over(rig.order(made))
    (rig.inbox.folder / inbox.BUNDLE).symlink_to(secret)
    rig.run()
    assert said(rig.progress()) == ("failed", "bundle")
    rig.hand_over(rig.order(made, 2))
    (rig.inbox.folder / inbox.BUNDLE).unlink()
    os.mkfifo(rig.inbox.folder / inbox.BUNDLE)
    rig.run()
    assert said(rig.progress()) == ("failed", "bundle")
    elsewhere = rig.folder / "elsewhere"
    rig.inbox.folder.rename(elsewhere)
    rig.inbox.folder.symlink_to(elsewhere)
    (elsewhere / inbox.READY).touch()
    rig.run()
    assert (elsewhere / inbox.READY).exists(), "a folder behind a link is not looked into"


def test_a_release_key_that_others_could_have_written_is_not_trusted(rig: Rig) -> None:
    """The whole run ends with 78: somebody has to look."""
    (rig.root / "etc/camwatch/release-keys/maker.pub").chmod(0o666)
    rig.offer(rig.release(NEW))
    done = rig.run()
    assert done.returncode == 78
    assert "can be written by others" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("step", BEFORE)
def test_a_kill_while_it_is_built_leaves_the_old_one_and_is_made_good(rig: Rig, step: str) -> None:
    """The next run begins anew; half a version never counts."""
    path = rig.folder / "b.tar"
    releases.write_tar(path, dummy(NEW))
    rig.offer(releases.sign(rig.maker, NEW, {ARCH: path}))
    with rig.agent():
        done = rig.run(crash_at=f"{step}:1")
        assert done.returncode == -signal.SIGKILL
        assert rig.version() == FIRST
        assert rig.inbox.is_ready(), "its unit is started again"
        done = rig.run()
    assert said(rig.progress()) == ("good", None), done.stderr
    assert rig.kept() == {FIRST, NEW}


@pytest.mark.parametrize("step", TRIED)
def test_a_kill_on_the_way_to_good_ends_there_all_the_same(rig: Rig, step: str) -> None:
    """At each step a whole version is started, and the next run goes on."""
    made = rig.release(NEW)
    rig.stand_in(made)
    rig.offer(made)
    with rig.agent():
        assert rig.run(crash_at=f"{step}:1").returncode == -signal.SIGKILL
        assert (rig.software / "current/bin/camwatch-edge").exists()
        assert (rig.software / "proven/bin/camwatch-edge").exists()
        (rig.software / "proven").unlink()  # a stand-in has no installer: run ours
        (rig.software / "proven").symlink_to(f"versions/{FIRST}")
        done = rig.run()
    assert said(rig.progress()) == ("good", None), done.stderr
    assert rig.version() == NEW
    assert rig.kept() == {FIRST, NEW}


@pytest.mark.parametrize("step", BACK)
def test_a_kill_on_the_way_back_ends_at_the_old_version_with_the_reason(
    rig: Rig, step: str
) -> None:
    """Why it was taken back is not lost, and nothing is tried a second time."""
    made = rig.release(NEW)
    rig.stand_in(made)
    rig.offer(made)
    with rig.agent({NEW: {"is_heard": False}}):
        assert rig.run(crash_at=f"{step}:1").returncode == -signal.SIGKILL
        done = rig.run()
    assert said(rig.progress()) == ("returned", "no_hub"), done.stderr
    assert (rig.version("current"), rig.version("proven")) == (FIRST, FIRST)


def test_a_version_under_which_the_power_keeps_going_is_taken_back(rig: Rig) -> None:
    """Three boots without proof: whoever cuts the power is not waited for longer."""
    made = rig.release(NEW)
    rig.stand_in(made)
    rig.offer(made)
    with rig.agent():
        rig.run(crash_at="update.restarted:1", boot="0" * 32)
        for number in (1, 2):
            done = rig.run(crash_at="update.good:1", boot=f"{number:032x}")
            assert done.returncode == -signal.SIGKILL
            assert rig.version() == NEW
        rig.run(boot="3" * 32)
    assert said(rig.progress()) == ("returned", "power")
    assert rig.version() == FIRST


@pytest.mark.parametrize("step", [*TRIED[1:], *BACK])
def test_a_trial_that_install_node_ended_is_not_gone_on_with(rig: Rig, step: str) -> None:
    """Wherever it was cut short; the order's number stays, and the hub learns how it ended."""
    made = rig.release(NEW)
    rig.stand_in(made)
    rig.offer(made, 5)
    with rig.agent({NEW: {"is_heard": False}} if step in BACK else None):
        assert rig.run(crash_at=f"{step}:1").returncode == -signal.SIGKILL
        assert "is ended" in rig.end_trial()
        is_proven = rig.version("proven") == NEW
        assert rig.version() == (NEW if is_proven else FIRST)
        assert not (rig.layout.state / "trial").exists()
        reason = {"update.proven": None} | dict.fromkeys(BACK, "no_hub")
        stage = "good" if is_proven else "returned"
        assert said(rig.progress()) == (stage, reason.get(step, "replaced"))
        rig.install_on_site("0.3.0")
        restarted = rig.restarted()
        done = rig.run()
    assert done.returncode == 0, done.stderr
    assert (rig.version(), rig.restarted()) == ("0.3.0", restarted)
    assert rig.progress()["number"] == 5
    assert "no version is on trial" in rig.end_trial()


@pytest.mark.parametrize("damage", [b"", b"{", None])
def test_a_trial_whose_notes_are_lost_is_still_watched(rig: Rig, damage: bytes | None) -> None:
    """The two links say that one is on trial."""
    made = rig.release(NEW)
    rig.stand_in(made)
    rig.offer(made)
    notes = rig.root / "var/lib/camwatch-update/progress.json"
    with rig.agent({NEW: {"is_heard": False}}):
        rig.run(crash_at="update.restarted:1")
        assert rig.version() == NEW
        notes.unlink() if damage is None else notes.write_bytes(damage)
        done = rig.run()
    assert said(rig.progress()) == ("returned", "no_hub"), done.stderr
    assert rig.version() == FIRST


def test_a_release_file_is_installed_where_no_hub_can_bring_it(rig: Rig) -> None:
    """By root on site; the same checks, and a word about how it ended."""
    path = rig.folder / "b.tar"
    releases.write_tar(path, dummy(NEW))
    file = releases.sign(rig.maker, NEW, {ARCH: path}).write(rig.folder / "x.release")
    with rig.agent():
        done = rig.run(action=("install", str(file)))
    assert done.returncode == 0, done.stderr
    assert f"update:  good {NEW}" in done.stdout
    stranger = load_or_make(rig.folder / "stranger.key")
    file = releases.sign(stranger, "0.3.0", {ARCH: path}).write(rig.folder / "y.release")
    (rig.software / "proven").unlink()
    (rig.software / "proven").symlink_to(f"versions/{FIRST}")
    (rig.software / "current").unlink()
    (rig.software / "current").symlink_to(f"versions/{FIRST}")
    done = rig.run(action=("install", str(file)))
    assert done.returncode == 1
    assert "no release key of this node signed" in done.stdout


def test_a_machine_that_is_a_hub_too_is_left_alone(rig: Rig) -> None:
    """One environment serves both there, and a node's bundle lacks the hub's part."""
    rig.be_hub()
    rig.offer(rig.release(NEW))
    rig.run()
    assert said(rig.progress()) == ("refused", "not_installed")


@pytest.mark.parametrize("is_remembered", [False, True])
def test_a_hubs_environment_is_never_on_trial(rig: Rig, is_remembered: bool) -> None:
    """Its installer leaves `proven` behind: links that differ tell nothing there, nor does the
    trial of a node that was made a hub in the middle."""
    made = rig.release(NEW)
    rig.stand_in(made)
    if is_remembered:
        rig.offer(made)
        rig.run(crash_at="update.switched:1")
        assert rig.progress()["stage"] == "on_trial"
    else:
        links.point(rig.layout, rig.layout.current, NEW)
    rig.be_hub()
    done = rig.run()
    assert done.returncode == 0, done.stderr
    assert (rig.version("current"), rig.version("proven")) == (NEW, FIRST)
    assert rig.restarted() == 0
    assert not (rig.layout.state / "trial").exists()
    if is_remembered:
        assert said(rig.progress()) == ("refused", "not_installed")


def test_an_order_that_comes_meanwhile_is_taken_up_afterwards(rig: Rig) -> None:
    """Its mark is not taken away as that of the order before."""
    theirs, prepared = rig.inbox.folder, rig.folder / "prepared"
    rig.offer(rig.release_of("0.3.0", b"no tar"), 2)
    theirs.rename(prepared)
    theirs.mkdir()
    made = rig.release(NEW)
    rig.stand_in(made, script=f"#!/bin/sh\nmv {prepared}/* {theirs}\nexit 1\n")
    rig.offer(made, 1)
    rig.run()
    assert (rig.progress()["number"], said(rig.progress())) == (1, ("failed", "self_test"))
    assert rig.inbox.is_ready()
    rig.run()
    assert (rig.progress()["number"], said(rig.progress())) == (2, ("failed", "bundle"))
    assert not rig.inbox.is_ready()


def test_an_update_and_an_installation_take_turns(rig: Rig) -> None:
    """Both hold one lock; whoever comes second is told, and its unit tries again."""
    with (rig.root / "run/camwatch-install.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        rig.offer(rig.release(NEW))
        done = rig.run()
    assert done.returncode == 1
    assert "another installation or update is under way" in done.stderr
    assert rig.inbox.is_ready()
