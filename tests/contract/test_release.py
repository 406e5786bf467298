"""Versions and release manifests."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from edge.contract import release, version
from edge.contract.errors import ContractError
from edge.contract.release import Bundle, Release

ARM = Bundle("aarch64", ("3.11", "3.13"), 1000, "ab" * 32)
MADE = Release(
    camwatch_release=1,
    version="0.2.0",
    created_utc=datetime(2026, 1, 31, tzinfo=UTC),
    bundles=(ARM,),
)


@given(
    st.from_regex(version.PATTERN, fullmatch=True), st.from_regex(version.PATTERN, fullmatch=True)
)
def test_versions_sort_as_pip_sorts_them(one: str, other: str) -> None:
    """Else a node would install what pip calls older."""
    assert version.is_older(one, other) == (Version(one) < Version(other))


@pytest.mark.parametrize(
    "text", ["", "1", "01.2", "1.2.dev1", "1.2+local", "v1.2", "1.2\n", "1!2.0"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    """A short list of forms, so that nothing is compared by guess."""
    assert not version.is_version(text)
    with pytest.raises(ValueError, match="no version"):
        version.key(text)


def test_a_manifest_is_read_as_it_was_written() -> None:
    """Every field survives."""
    full = dataclasses.replace(MADE, node_from="0.1.0", hub_from="0.1.0", notes="mới\n")
    assert release.decode(release.encode(full)) == full
    assert full.bundle_for("aarch64") == ARM
    assert full.bundle_for("x86_64") is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"bundles": ()}, "one at least"),
        ({"bundles": (ARM, ARM)}, "stands twice"),
        ({"version": "../../etc"}, "version"),
        ({"camwatch_release": 2}, "form of releases"),
        ({"notes": "x" * 9000}, "at most"),
        ({"bundles": (dataclasses.replace(ARM, arch="a/b"),)}, "arch"),
        ({"bundles": (dataclasses.replace(ARM, sha256="x"),)}, "sha256"),
        ({"bundles": (dataclasses.replace(ARM, size_bytes=2**40),)}, "size_bytes"),
    ],
)
def test_a_manifest_that_says_too_much_is_refused(
    change: dict[str, object], complaint: str
) -> None:
    """By its reader and already by its maker."""
    with pytest.raises((ContractError, ValueError), match=complaint):
        release.encode(dataclasses.replace(MADE, **change))  # type: ignore[arg-type]
