"""A release: what its maker signs, and what a hub and a node check before they touch it.

The manifest names every bundle by its hash, so its signature covers all bytes. It is signed as
bytes, with a line before them that nothing else is signed with. The hub passes releases on; it
holds no key that could make one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from edge.base import schema, strictjson
from edge.base.schema import item
from edge.contract import names
from edge.contract.errors import ContractError
from edge.contract.version import PATTERN as VERSION_PATTERN

FORM = 1
MAX_MANIFEST_BYTES = 8 * 1024
MAX_BUNDLE_BYTES = 1024**3  # the wheels of one architecture are about a tenth of it
MAX_NOTES_CHARS = 2000
ARCH_PATTERN = r"[a-z0-9_]{1,16}"  # as `uname -m` says it: aarch64, x86_64
PYTHON_PATTERN = r"3\.(0|[1-9][0-9]?)"
SIGNED_WITH = b"camwatch release\n"

MANIFEST_FILE = "release.json"
SIGNATURE_FILE = "release.sig"


@dataclass(frozen=True)
class Bundle:
    """One architecture's share: a tar with all wheels, and what installs them."""

    arch: str = item("as `uname -m` says it", pattern=ARCH_PATTERN)
    pythons: tuple[str, ...] = item(
        "versions of Python that it has wheels for", max_items=16, pattern=PYTHON_PATTERN
    )
    size_bytes: int = item("of the tar", min=1, max=MAX_BUNDLE_BYTES)
    sha256: str = item("of the tar", pattern=names.HASH_PATTERN)


@dataclass(frozen=True)
class Release:
    """What the maker says of a release."""

    camwatch_release: int = item("form of this document", min=FORM, max=FORM)
    version: str = item("of the software", pattern=VERSION_PATTERN, max_length=32)
    created_utc: datetime = item("when it was signed")
    bundles: tuple[Bundle, ...] = item("one for each architecture", max_items=8)
    node_from: str | None = item(
        "the oldest version that nodes may be updated from", None, pattern=VERSION_PATTERN,
        max_length=32,
    )  # fmt: skip
    hub_from: str | None = item(
        "the oldest hub that its nodes can serve", None, pattern=VERSION_PATTERN, max_length=32
    )
    notes: str = item("what is new, for people", "", max_length=MAX_NOTES_CHARS)

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not self.bundles:
            raise ValueError("bundles: a release has one at least")
        archs = [each.arch for each in self.bundles]
        if len(set(archs)) < len(archs):
            raise ValueError("bundles: an architecture stands twice")

    def bundle_for(self, arch: str) -> Bundle | None:
        """The one for that architecture."""
        return next((each for each in self.bundles if each.arch == arch), None)


def bundle_name(release_version: str, arch: str) -> str:
    """The file name of a bundle."""
    return f"camwatch-{release_version}-{arch}.tar"


def encode(release: Release) -> bytes:
    """The manifest's bytes, to be signed through `signed_bytes`. Raises ContractError."""
    data = strictjson.dumps(schema.dump(release))
    decode(data)
    return data


def decode(data: bytes) -> Release:
    """The manifest in `data`. Raises ContractError. Check the signature first."""
    if len(data) > MAX_MANIFEST_BYTES:
        raise ContractError("too_large", f"a manifest has at most {MAX_MANIFEST_BYTES} bytes")
    try:
        value = strictjson.loads(data, max_bytes=MAX_MANIFEST_BYTES)
    except ValueError as err:
        raise ContractError("not_json", str(err)) from err
    if isinstance(value, dict) and value.get("camwatch_release") != FORM:
        raise ContractError("version", "this software does not know that form of releases")
    try:
        return schema.load(Release, value, unknown="ignore")
    except schema.SchemaError as err:
        raise ContractError("schema", str(err)) from err


def signed_bytes(manifest: bytes) -> bytes:
    """What the maker's signature is over."""
    return SIGNED_WITH + manifest
