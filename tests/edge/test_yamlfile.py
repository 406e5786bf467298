"""Settings files: what reading one can say."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import yamlfile
from edge.base.errors import ConfigError
from edge.base.schema import item


@dataclass(frozen=True)
class Settings:
    """Something to set."""

    name: str = item("a name", "x")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"name: [", "not YAML"),
        (b"name: a\nname: b", "the key 'name' stands twice"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b"nam: a", "did you mean name?"),
        (b"- a", "must be a mapping"),
        (b"&a [*a, *a]", "must be a mapping"),
        (b"? [a, b]\n: c", "unhashable key"),
        (b"!!python/object/apply:os.system [ls]", "not YAML"),
        (b"x" * (yamlfile.MAX_BYTES + 1), "at most"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, expected: str) -> None:
    """Every kind of broken file ends in a ConfigError that says what and where."""
    with pytest.raises(ConfigError, match=r"edge\.yaml") as caught:
        yamlfile.parse(Settings, data, name="edge.yaml")
    assert expected in str(caught.value)


def test_an_empty_file_means_the_defaults() -> None:
    """Nothing set is nothing wrong."""
    assert yamlfile.parse(Settings, b"# nothing\n", name="x") == Settings()


def test_a_missing_file_names_the_option_that_gives_it(tmp_path: Path) -> None:
    """The hint says what to do."""
    with pytest.raises(ConfigError, match="cannot read") as caught:
        yamlfile.load(Settings, tmp_path / "none.yaml", program="camwatch-edge")
    assert "--config" in caught.value.hint


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore"))
)
def test_any_bytes_are_settings_or_a_config_error(data: bytes) -> None:
    """No other exception ever leaves."""
    with contextlib.suppress(ConfigError):
        yamlfile.parse(Settings, data, name="x")


def test_a_file_of_another_user_names_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--config would not help; root reads everything, so the refusal is made here."""

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ConfigError, match="Permission denied") as caught:
        yamlfile.load(Settings, tmp_path / "edge.yaml", program="camwatch-edge")
    assert caught.value.hint.endswith("sudo -u camwatch-edge camwatch-edge ...")
