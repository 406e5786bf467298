"""The box's checks, on folders laid out as /sys is and on the real file system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.base import findings, lock
from edge.contract.parts import ClockStamp
from edge.doctor import machine, wear


def stamp(state: str, error_ms: int | None) -> ClockStamp:
    """A clock that says so of itself."""
    return ClockStamp(state=state, boot="0" * 32, mono_ns=1, error_ms=error_ms)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (("synced", 20), "pass"),
        (("synced", 5000), "warn"),
        (("holdover", 400), "warn"),
        (("unsynced", None), "fail"),
    ],
)
def test_the_clock_is_judged_by_what_the_kernel_says(
    given: tuple[str, int | None], outcome: str
) -> None:
    """Set, drifting, or never set."""
    assert machine.clock(stamp(*given)).outcome == outcome


@pytest.mark.parametrize(
    ("text", "outcome"), [("45000", "pass"), ("71000", "warn"), ("84000", "fail"), (None, "skip")]
)
def test_heat_is_a_failure_where_boards_slow_down(
    tmp_path: Path, text: str | None, outcome: str
) -> None:
    """In millidegrees, as the kernel writes it."""
    path = tmp_path / "temp"
    if text is not None:
        path.write_text(f"{text}\n")
    assert machine.temperature(path).outcome == outcome


@pytest.mark.parametrize(
    ("bits", "outcomes"),
    [
        (0x0, ["pass", "pass"]),
        (0x10000, ["warn", "pass"]),
        (0x50005, ["fail", "fail"]),
        (0x80000, ["pass", "warn"]),
        (0x50001, ["fail", "warn"]),
    ],
)
def test_weak_power_and_slowing_down_are_told_apart(
    tmp_path: Path, bits: int, outcomes: list[str]
) -> None:
    """By the firmware's bits: now is a failure, earlier a warning."""
    path = tmp_path / "get_throttled"
    path.write_text(f"{bits:x}\n")
    found = list(machine.power(lambda: machine.throttled_bits(path)))
    assert [each.outcome for each in found] == outcomes


def test_the_firmware_is_asked_by_its_own_program_where_the_kernel_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vcgencmd prints throttled=0x50000."""
    program = tmp_path / "vcgencmd"
    program.write_text('#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x50000\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert machine.throttled_bits(tmp_path / "none") == 0x50000


def test_a_disk_without_the_room_that_may_be_wanted_is_a_warning(tmp_path: Path) -> None:
    """The spool is allowed more than there is."""
    found = list(machine.disk(tmp_path, wanted_bytes=2**60))
    if found[0].outcome == "fail":
        pytest.skip("the disk of this machine is full")
    assert found[0].outcome == "warn"
    assert "spool.max_bytes" in found[0].remedy


def test_a_state_folder_that_is_not_there_fails(tmp_path: Path) -> None:
    """With the setting's name."""
    (found,) = machine.disk(tmp_path / "none", wanted_bytes=0)
    assert found.outcome == "fail"
    assert "state_dir" in found.remedy


def card(tmp_path: Path, life: str, spare: str, errors: str = "0") -> Path:
    """A /sys that shows the disk of `tmp_path` as an eMMC's partition."""
    number = tmp_path.stat().st_dev
    disk = tmp_path / "sys/devices/mmcblk0"
    (disk / "mmcblk0p2").mkdir(parents=True)
    (disk / "device").mkdir()
    (disk / "mmcblk0p2/partition").write_text("2\n")
    (disk / "device/life_time").write_text(f"{life}\n")
    (disk / "device/pre_eol_info").write_text(f"{spare}\n")
    block = tmp_path / "sys/dev/block"
    block.mkdir(parents=True)
    (block / f"{os.major(number)}:{os.minor(number)}").symlink_to(disk / "mmcblk0p2")
    ext4 = tmp_path / "sys/fs/ext4/mmcblk0p2"
    ext4.mkdir(parents=True)
    (ext4 / "lifetime_write_kbytes").write_text("1048576\n")
    (ext4 / "errors_count").write_text(f"{errors}\n")
    return tmp_path / "sys"


@pytest.mark.parametrize(
    ("life", "spare", "outcome"),
    [
        ("0x01 0x02", "0x01", "pass"),
        ("0x02 0x09", "0x01", "warn"),
        ("0x02 0x02", "0x02", "warn"),
        ("0x0b 0x01", "0x01", "fail"),
        ("0x01 0x01", "0x03", "fail"),
        ("0x00 0x00", "0x00", "skip"),
        ("nonsense", "", "skip"),
    ],
)
def test_a_worn_card_is_told_by_its_own_registers(
    tmp_path: Path, life: str, spare: str, outcome: str
) -> None:
    """Life time and spare blocks, whichever is worse."""
    found = {each.check: each for each in wear.wear(tmp_path, card(tmp_path, life, spare))}
    assert found["disk.wear"].outcome == outcome
    assert "1.0 GiB" in found["disk.written"].text
    assert found["disk.errors"].outcome == "pass"


def test_errors_that_the_file_system_counted_fail(tmp_path: Path) -> None:
    """They stay counted until it is checked."""
    found = {each.check: each for each in wear.wear(tmp_path, card(tmp_path, "0x01", "0x01", "3"))}
    assert found["disk.errors"].outcome == "fail"


def test_a_held_state_folder_is_seen_without_taking_its_lock(tmp_path: Path) -> None:
    """An agent that starts meanwhile must not be refused."""
    assert not lock.is_held(tmp_path)
    with lock.only_one(tmp_path):
        assert lock.is_held(tmp_path)
    assert not lock.is_held(tmp_path)
    with lock.only_one(tmp_path):
        pass


def test_a_finding_is_one_printable_line_without_a_secret() -> None:
    """Whatever a camera or server said."""
    found = findings.failed("camera.gate", "rtsp://me:secret@cam/1\n\x1b[31mred\x07", "do\nthis")
    line = found.line()
    assert line.isprintable()
    assert "secret" not in line
    assert "do; this" in line
    assert len(findings.failed("x", "y" * 9999).line()) < 500


@pytest.mark.parametrize(
    ("outcome", "status"), [("pass", 0), ("warn", 0), ("skip", 0), ("fail", 1)]
)
def test_only_a_failure_is_told_by_the_exit_status(outcome: str, status: int) -> None:
    """Warnings alone are 0."""
    said: list[str] = []
    finding = findings.Finding("a", outcome, "b")  # type: ignore[arg-type]
    assert findings.tell([finding], is_json=False, say=said.append) == status
    assert len(said) == 2
