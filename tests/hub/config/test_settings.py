"""The hub's settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.base import schema
from edge.base.errors import ConfigError
from edge.base.zone import system_zone
from hub.config import HttpSettings, HubSettings, MqttSettings, load_file
from hub.config.file import parse

EXAMPLE = Path(__file__).parents[3] / "config" / "hub.example.yaml"


def keys_of(cls: type) -> set[str]:
    """Every key that a settings class has."""
    return set(schema.fields_of(cls))


def test_the_example_parses_and_shows_every_key() -> None:
    """What an installer copies is complete and right."""
    settings = load_file(EXAMPLE)
    text = EXAMPLE.read_text(encoding="utf-8")
    assert settings.zone.key == "Asia/Ho_Chi_Minh"
    for cls in (HubSettings, MqttSettings, HttpSettings):
        for key in keys_of(cls):
            assert f"{key}:" in text, key


def test_an_empty_file_means_the_defaults() -> None:
    """A hub on one machine needs no settings."""
    settings = parse("")
    assert settings == HubSettings()
    assert settings.secret_path == Path("/var/lib/camwatch-hub/broker/hub.secret")


def test_every_problem_is_told_at_once() -> None:
    """Unknown keys name the nearest known one."""
    with pytest.raises(ConfigError) as caught:
        parse("state_dri: /x\nlog_level: loud\nmqtt: {prot: 1883, port: 99999}\nhttp: 5\n")
    text = str(caught.value)
    assert len(text.splitlines()) == 1 + 5
    for part in ("state_dri", "did you mean state_dir?", "log_level", "mqtt.prot",
                 "did you mean port?", "mqtt.port", "http"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "hub.example", ""])  # noqa: S104 - refused
def test_plain_connections_beyond_this_machine_are_refused_with_the_remedy(host: str) -> None:
    """No password or footage crosses a network unprotected by mistake."""
    with pytest.raises(ConfigError, match="set ca_file for TLS"):
        parse(f"mqtt: {{host: '{host}'}}")
    with pytest.raises(ConfigError, match="set cert_file and key_file"):
        parse(f"http: {{host: '{host}'}}")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_plain_connections_within_this_machine_are_allowed(host: str) -> None:
    """A broker beside the hub needs no certificate."""
    assert parse(f"mqtt: {{host: '{host}'}}\nhttp: {{host: '{host}'}}").mqtt.host == host


def test_tls_opens_the_way_to_other_machines() -> None:
    """With certificates any address goes; one file without the other does not."""
    parse("mqtt: {host: b.example, ca_file: /c}\nhttp: {host: '::', cert_file: /c, key_file: /k}")
    with pytest.raises(ConfigError, match="together"):
        parse("http: {cert_file: /c}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "not YAML"),
        ("state_dir: /a\nstate_dir: /b\n", "stands twice"),
        ("- 1\n", "must be a mapping"),
        ("time_zone: Asia/Saigong\n", "is not known here"),
        ("time_zone: ../../etc/passwd\n", "is not known here"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_a_file_that_is_no_settings_file_is_refused(text: str, reason: str) -> None:
    """With the reason, and nothing is executed."""
    with pytest.raises(ConfigError, match=reason):
        parse(text)


def test_an_unreadable_file_is_a_settings_error(tmp_path: Path) -> None:
    """Absent, or not a text."""
    with pytest.raises(ConfigError, match="No such file"):
        load_file(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_file(tmp_path / "binary.yaml")


def test_the_systems_zone_comes_from_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """TZ first; nonsense there is passed over."""
    monkeypatch.setenv("TZ", ":Asia/Ho_Chi_Minh")
    assert system_zone().key == "Asia/Ho_Chi_Minh"
    monkeypatch.setenv("TZ", "Nowhere/Nothing")
    passed_over = system_zone().key
    monkeypatch.delenv("TZ")
    assert passed_over == system_zone().key
