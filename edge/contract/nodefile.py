"""The node file: what a blank box needs to join its hub, in one small document.

The hub writes it (`camwatch-hub node add NAME --to NAME.node`), the node reads it once
(`camwatch-edge enrol NAME.node`). It holds a one-time token and the passwords of cameras, so it is
a secret: files of it have mode 0600.

The same document has a text form for QR codes: CAMWATCH1: and the base32 (RFC 4648, no padding)
of the zlib stream (RFC 1950) of its compact JSON. It holds the whole document, so nothing has to be
fetched before the node trusts its hub, and a checksum. Base45 would be 7 % shorter, but its blanks
and signs do not survive being copied, wrapped or sent on.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from edge.base import schema, strictjson
from edge.base.hosts import is_loopback
from edge.base.schema import item
from edge.contract import address, documents, names
from edge.contract.errors import ContractError

VERSION = 1
SUFFIX = ".node"
MAX_BYTES = 64 * 1024  # 16 cameras with long addresses, and a bundle of certificates
MAX_CAMERAS = 16
TEXT_PREFIX = "CAMWATCH1:"
TOKEN_BYTES = 32
TOKEN_PATTERN = r"[A-Za-z0-9_-]{22,128}"  # noqa: S105 - at least 128 bits in base64url
KEY_PATTERN = r"[A-Za-z0-9+/]{43}="  # 32 bytes in base64
ZONE_PATTERN = r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}"  # as in /usr/share/zoneinfo
_CERTIFICATES = re.compile(
    r"(\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----)+\s*", re.ASCII
)


@dataclass(frozen=True)
class HubAddress:
    """Where the hub is. Plain connections are for the loopback only."""

    mqtt_host: str = item("name or address of the broker", pattern=r"[^\s/@]+", max_length=253)
    mqtt_port: int = item("its TCP port", min=1, max=65535)
    url: str = item(
        "the hub's HTTPS address", pattern=r"https?://[^\s/@?#]+", max_length=300
    )  # fmt: skip


@dataclass(frozen=True)
class FileCamera:
    """A camera as the hub hands it to a node; the keys mean what they mean in edge.yaml, and
    `password` is what goes into the camera's password file.

    exec: cannot be given: a file that came over a phone must not start programs. A file's path
    must be absolute: nobody knows from where the agent would look.
    """

    name: str = item("lower-case letters, digits and -", pattern=names.CAMERA_PATTERN)
    source: str = item(address.KINDS_TEXT, max_length=1024, is_secret=True)
    sub_source: str | None = item(
        "address of its small stream", None, max_length=1024, is_secret=True
    )
    user: str | None = item("user name at the camera", None, max_length=128)
    password: str | None = item(
        "its password there", None, pattern=r"[^\x00-\x1f\x7f]+", max_length=512, is_secret=True
    )
    transport: Literal["tcp", "udp"] | None = item("how RTP travels; none: tcp", None)

    def __post_init__(self) -> None:
        for key in ("source", "sub_source"):
            source = getattr(self, key)
            if source is None:
                continue
            try:
                kind = address.check(source)
            except ValueError as err:
                raise ValueError(f"{key}: {err}") from err
            if kind == "exec":
                raise ValueError(f"{key}: exec: cannot come with a node file; set it on the node")
            if kind == "file" and not address.file_path(source).startswith("/"):
                raise ValueError(
                    f"{key}: neither an address such as rtsp://192.0.2.10/stream1"
                    " nor the whole path of a file"
                )
        if self.sub_source == self.source:
            raise ValueError("sub_source: it is the same as source; give the small stream or none")
        if self.password is not None and self.user is None:
            raise ValueError("user: a password needs one")
        if self.password is not None and self.password != self.password.strip():
            raise ValueError("password: it begins or ends with a blank")


@dataclass(frozen=True)
class NodeFile:
    """Everything that a blank box needs to join its hub."""

    camwatch_node: int = item("version of this document", min=VERSION, max=VERSION)
    node: str = item("the node's name", pattern=names.NODE_PATTERN)
    hub: HubAddress = item("where the hub is")
    hub_key: str = item("the hub's public key, base64", pattern=KEY_PATTERN)
    token: str = item(
        "good for one box, once", pattern=TOKEN_PATTERN, is_secret=True
    )  # fmt: skip
    expires_utc: datetime = item("when the token ends")
    cameras: tuple[FileCamera, ...] = item("the cameras to watch", (), max_items=MAX_CAMERAS)
    ca: str | None = item(
        "certificates to trust, PEM; left out only where the hub is on the same machine",
        None, max_length=32 * 1024,
    )  # fmt: skip
    time_zone: str | None = item(
        "such as Asia/Ho_Chi_Minh, for the box's own clock", None, pattern=ZONE_PATTERN,
        max_length=64,
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.ca is not None and not _CERTIFICATES.fullmatch(self.ca):
            raise ValueError("ca: must be certificates in PEM")
        url = urlsplit(self.hub.url)
        if url.scheme == "http" and not is_loopback(url.hostname or ""):
            raise ValueError(f"hub.url: plain HTTP to {url.hostname} is refused; give https://")
        if self.ca is None and not is_loopback(self.hub.mqtt_host):
            raise ValueError(f"ca: plain MQTT to {self.hub.mqtt_host} is refused; give the CA")
        if self.ca is None and url.scheme == "https":
            raise ValueError("ca: https:// needs the certificates to trust")
        seen = [camera.name for camera in self.cameras]
        for name in sorted({name for name in seen if seen.count(name) > 1}):
            raise ValueError(f"cameras: two cameras have the name {name}")

    def without_secrets(self) -> NodeFile:
        """The same, with nothing in it that must not be shown."""
        cameras = tuple(replace(camera, password=None) for camera in self.cameras)
        return replace(self, token="-" * 22, cameras=cameras)


def encode(document: NodeFile) -> bytes:
    """The file's bytes: JSON, indented for people. Raises ContractError if `decode` would."""
    text = json.dumps(schema.dump(document), ensure_ascii=False, allow_nan=False, indent=1)
    data = text.encode() + b"\n"
    decode(data)
    return data


def decode(data: bytes) -> NodeFile:
    """The node file in `data`, in its JSON or its text form. Raises ContractError."""
    if len(data) > MAX_BYTES:
        raise ContractError("too_large", f"{len(data)} bytes, at most {MAX_BYTES} are read")
    data = data.removeprefix(b"\xef\xbb\xbf").strip()  # some editors begin files with a mark
    if data[: len(TEXT_PREFIX)].upper() == TEXT_PREFIX.encode():
        data = _from_text(data[len(TEXT_PREFIX) :])
    try:
        value = strictjson.loads(data, max_bytes=MAX_BYTES)
    except ValueError as err:
        raise ContractError("not_json", f"not a node file: {err}") from err
    if not isinstance(value, dict) or "camwatch_node" not in value:
        raise ContractError("not_json", "not a node file: it has no camwatch_node")
    version = value["camwatch_node"]
    if version != VERSION or isinstance(version, bool):
        raise ContractError(
            "version",
            f"a node file of version {str(version)[:20]!r}; this program reads {VERSION}",
        )
    return documents.fit(NodeFile, value)


def to_text(document: NodeFile) -> str:
    """The text form: capital letters, digits and one colon."""
    compressor = zlib.compressobj(9, memLevel=9)
    data = compressor.compress(strictjson.dumps(schema.dump(document))) + compressor.flush()
    return TEXT_PREFIX + base64.b32encode(data).decode("ascii").rstrip("=")


def _from_text(text: bytes) -> bytes:
    """The JSON in a text form without its prefix; line breaks and blanks in it do not matter."""
    letters = b"".join(text.split()).upper()
    unpacker = zlib.decompressobj()
    try:
        packed = base64.b32decode(letters + b"=" * (-len(letters) % 8))
        data = unpacker.decompress(packed, MAX_BYTES + 1)
    except (binascii.Error, zlib.error) as err:
        raise _damaged() from err
    if not unpacker.eof or unpacker.unused_data:
        raise _damaged()
    return data


def _damaged() -> ContractError:
    return ContractError(
        "text", "the node file's text is damaged or cut; scan or copy it again, from CAMWATCH1: on"
    )
