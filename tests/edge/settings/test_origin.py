"""`show-config` and `check-config`: what holds on this node, and where each value comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge.base.clock import FakeClock
from edge.cli import main
from edge.settings.store import Store, Version


def write(folder: Path, **more: Any) -> Path:
    """A node's settings file."""
    path = folder / "edge.yaml"
    camera = {"name": "gate", "source": "rtsp://192.0.2.7/", "motion": {"min_frames": 6}}
    settings = {
        "node": "gate-3", "state_dir": str(folder), "cameras": [camera | more],
        "hub": {
            "mqtt": {"host": "127.0.0.1"}, "upload_url": "http://127.0.0.1:1",
            "secret_file": "s", "public_key_file": "k",
        },
    }  # fmt: skip
    path.write_text(yaml.safe_dump(settings))
    return path


def set_from_hub(folder: Path, **gate: Any) -> None:
    """Version 7 of the hub's is in effect."""
    store = Store(folder, FakeClock())
    store.try_out(Version(7, "a" * 64, {"cameras": {"gate": gate}}), ())
    store.switch(())
    store.pass_trial()


def test_each_value_says_who_sets_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file, the hub, or a default; for people and for programs."""
    path = write(tmp_path)
    set_from_hub(tmp_path, motion={"sensitivity": 8})
    assert main(["show-config", "--config", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "version 7 of the hub's settings lies over the file"
    assert "cameras.gate.motion.sensitivity: 8   (hub)" in lines
    assert "cameras.gate.motion.min_frames: 6   (edge.yaml)" in lines
    assert "cameras.gate.armed: true   (default)" in lines
    assert main(["show-config", "--json", "--config", str(path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["version"], found["state"]) == (7, "applied")
    assert found["values"]["cameras.gate.motion.sensitivity"] == {"value": 8, "from": "hub"}


def test_a_file_that_the_hub_s_settings_do_not_fit_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the agent is started and gives them up."""
    path = write(tmp_path)
    assert main(["check-config", "--config", str(path)]) == 0
    assert "show-config" not in capsys.readouterr().out
    set_from_hub(tmp_path, armed=True)
    assert main(["check-config", "--config", str(path)]) == 0
    assert "version 7 of the hub's settings lies over the file" in capsys.readouterr().out
    write(tmp_path, name="yard")
    assert main(["check-config", "--config", str(path)]) == 0
    assert "the node has no such camera (known: yard)" in capsys.readouterr().out
