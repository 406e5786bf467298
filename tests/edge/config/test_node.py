"""The node's settings file: what is accepted, and what a mistake says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge import yamlfile
from edge.base import reference
from edge.base.errors import ConfigError
from edge.config import node
from edge.config.node import NodeSettings
from edge.config.secrets import read_secret

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "config" / "edge.example.yaml"

GOOD = """
node: gate-3
hub:
  mqtt: {host: 127.0.0.1, port: 1883}
  upload_url: http://127.0.0.1:8080
  secret_file: s
  public_key_file: k
cameras:
  - {name: gate, source: "rtsp://192.0.2.1/x"}
"""


def problems(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        yamlfile.parse(NodeSettings, text.encode(), name="edge.yaml")
    return str(caught.value)


def test_the_example_file_loads() -> None:
    """What an installer copies is valid as it stands."""
    assert node.load(EXAMPLE).cameras[0].motion.zones[0].name == "drive"


def test_the_example_file_shows_every_key() -> None:
    """No setting is hidden from somebody who reads the example only."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for entry in reference.entries(NodeSettings):
        assert re.search(rf"\b{entry.path.rpartition('.')[2]}:", text), entry.path


def test_the_examples_optional_values_are_the_defaults() -> None:
    """Leaving a key out means what the example shows."""
    shown = node.load(EXAMPLE)
    plain = yamlfile.parse(NodeSettings, GOOD.encode(), name="x")
    assert (shown.spool, shown.state_dir, shown.log_level) == (
        plain.spool,
        plain.state_dir,
        plain.log_level,
    )
    assert shown.cameras[0].clips == plain.cameras[0].clips
    ours, theirs = shown.cameras[0].motion, plain.cameras[0].motion
    for name in ("sensitivity", "min_area", "min_frames", "quiet_s", "analysis_fps", "expert"):
        assert getattr(ours, name) == getattr(theirs, name), name


def test_all_problems_are_said_at_once_with_the_nearest_known_key() -> None:
    """One run of check-config is enough to mend a file."""
    said = problems(
        GOOD.replace("node: gate-3", "node: Gate 3\nspol: {}").replace("port: 1883", "port: 99999")
    )
    assert "3 problems" in said
    assert "spol: is not a known key (did you mean spool?)" in said
    assert "node: must match" in said
    assert "hub.mqtt.port: is 99999, the most allowed is 65535" in said


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "host: 127.0.0.1, port: 1883",
            "host: hub.example.org",
            "plain MQTT to hub.example.org is refused",
        ),
        ("http://127.0.0.1:8080", "http://192.0.2.7", "plain HTTP to 192.0.2.7 is refused"),
        ("http://127.0.0.1:8080", "https://u:p@h", "must match"),
        ("{name: gate,", "{name: a, source: b}\n  - {name: a,", "two cameras have the name a"),
        ("cameras:\n", "cameras: []\nx:\n", "at least one camera"),
        ("node: gate-3", "node: gate-3\nnode: gate-4", "the key 'node' stands twice"),
        ("node: gate-3", "node: [", "not YAML"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, expected: str) -> None:
    """Each message names the field and what would be right."""
    assert expected in problems(GOOD.replace(old, new))


def test_a_zones_wrong_sensitivity_is_named_with_its_limits() -> None:
    """And a part of it that an expert misspelt, with the right name."""
    zone = "{name: a, points: [[0, 0], [1, 0], [1, 1]], sensitivity: 11, expert: {flor: 2}}"
    said = problems(GOOD.replace("{name: gate,", f"{{name: gate, motion: {{zones: [{zone}]}},"))
    assert "cameras[0].motion.zones[0].sensitivity: is 11, the most allowed is 10" in said
    assert "zones[0].expert.flor: is not a known key (did you mean floor?)" in said


def test_a_wrong_source_never_shows_its_password() -> None:
    """A URL with a password that fails validation is not repeated."""
    said = problems(GOOD.replace('"rtsp://192.0.2.1/x"', "[rtsp://u:hunter2@h]"))
    assert "hunter2" not in said


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """The message names the field and the remedy, and not the secret."""
    path = tmp_path / "s"
    path.write_text("hunter2\n", encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=r"hub.secret_file: .* can be read by others") as caught:
        read_secret(path, field="hub.secret_file")
    assert "chmod 600" in caught.value.hint
    assert "hunter2" not in str(caught.value)
    path.chmod(0o600)
    assert read_secret(path, field="hub.secret_file") == "hunter2"


@pytest.mark.parametrize("content", ["", "\nsecond line"])
def test_an_empty_secret_is_refused(tmp_path: Path, content: str) -> None:
    """An empty password would be no password."""
    path = tmp_path / "s"
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is empty"):
        read_secret(path, field="hub.secret_file")
