"""The self-test: good where all works, and a clear word where something does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge import __version__, selftest
from edge.cli import main
from edge.outbox.tables import MIGRATIONS, USABLE_FROM
from edge.selftest import SelfTestError

SETTINGS = """
node: gate-3
hub:
  mqtt: {host: 127.0.0.1, port: 1883}
  upload_url: http://127.0.0.1:8443
  secret_file: /nowhere/secret
  public_key_file: /nowhere/hub.pub
cameras:
  - {name: gate, source: "synthetic:"}
"""


def test_it_says_what_this_version_is_and_leaves_nothing(tmp_path: Path) -> None:
    """An update compares these facts with those of the version that runs. A process of its own:
    the command ends its process at once where any thread is left, whosever it is."""
    settings = tmp_path / "edge.yaml"
    settings.write_text(SETTINGS)
    work = tmp_path / "work"
    work.mkdir()
    command = [sys.executable, "-m", "edge.cli", "self-test", "--json",
               "--config", str(settings), "--folder", str(work)]  # fmt: skip
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert (said["version"], said["journal"]) == (__version__, len(MIGRATIONS))
    assert said["journal_usable_from"] == USABLE_FROM
    assert said["frames"] > 10
    assert list(work.iterdir()) == []


def test_settings_that_this_version_does_not_take_are_named_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 78, before ten seconds are spent on the street."""
    settings = tmp_path / "edge.yaml"
    settings.write_text(SETTINGS + "surprise: 1\n")
    assert main(["self-test", "--config", str(settings)]) == 78
    assert "surprise" in capsys.readouterr().err


def test_a_detector_that_sees_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here because nobody crosses the street in time."""
    monkeypatch.setattr(selftest, "LIMIT_S", 1.0)
    with pytest.raises(SelfTestError, match="no event was recorded within 1 s"):
        selftest.watch_a_street(tmp_path)


def test_a_clip_that_is_not_what_its_record_says_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A muxer or a disk that changes bytes."""
    check = selftest._check_clip

    def spoil(records: object, spool: Path) -> int:
        for clip in spool.glob("*.mp4"):
            clip.write_bytes(clip.read_bytes()[:-1] + b"x")
        return check(records, spool)  # type: ignore[arg-type]

    monkeypatch.setattr(selftest, "_check_clip", spoil)
    with pytest.raises(SelfTestError, match="not the one that its record names"):
        selftest.watch_a_street(tmp_path)
