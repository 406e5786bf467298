"""A node's card full to the last byte, or turned read-only: detection goes on, nothing is lost
without a word, and it heals."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disks import ErringDisk, mounts, tmpfs, turn_read_only
from tests.fault.trial import NODE, Trial, trial
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("node-disks")]

EVENTS = 4
BALLAST = {"ballast_bytes": "2MiB"}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Trial]:
    """A node whose journal has a small ballast, not yet started."""
    with trial(tmp_path / "town") as made:
        made.node.settings["journal"] = BALLAST
        yield made


def archived_bodies(trial: Trial, kind: str) -> list[str]:
    """The payloads of all archived records of a type."""
    path = trial.town.hub.state_dir / "archive.sqlite"
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT payload FROM records WHERE type = ?", (kind,)).fetchall()
    return [bytes(row[0]).decode() for row in rows]


def test_a_full_card_stops_neither_detection_nor_the_journal(town: Trial) -> None:
    """While the hub is away the card fills up; events go on, and every record arrives later."""
    with mounts() as make:
        disk = make(town.node.state_dir, *tmpfs("32m,mode=700"))
        town.node.start_ready()
        town.wait_for_archived(2)
        town.town.hub.stop()
        filler = disk.fill(0)
        town.wait_for_journalled(EVENTS)
        assert town.node.is_running
        filler.unlink()
        town.town.hub.start_ready()
        town.wait_for_archived(EVENTS + 2)
        town.drain()
        verdict = town.judge()
    told = f"{verdict}\n{town.complaints()}"
    assert verdict.is_good, told
    assert verdict.counts["records whose loss is explained"] == 0, told
    assert "the disk is full" in town.node.log_text


def test_a_card_that_turns_read_only_is_told_and_outlived(town: Trial, tmp_path: Path) -> None:
    """Events are sent from memory, without clips; coverage names the disk; the next boot heals."""
    with ErringDisk.mounted(tmp_path / "image", town.node.state_dir) as disk:
        town.node.start_ready()
        town.wait_for_archived(2)
        turn_read_only(disk.path)
        town.wait_for_archived(EVENTS)
        assert town.node.is_running
        health = stage.nodes(town.town.hub)[NODE]
        stage.wait(
            lambda: any('"storage"' in each for each in archived_bodies(town, "coverage.spans")),
            60, "the disk in the coverage",
        )  # fmt: skip
        town.node.kill()
        disk.mend()
        town.node.start_ready()
        town.wait_for_archived(2)
        town.drain()
        verdict = town.judge()
    told = f"{health}\n{verdict}\n{town.complaints()}"
    assert verdict.is_good, told
    assert verdict.counts["events whose end is in an explained loss"] <= 1, told
