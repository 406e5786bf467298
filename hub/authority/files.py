"""The files of an authority, and of those who serve with its certificates.

In `folder` (root's alone): authority.pem, its certificate and key in one file; next.pem, the same
of its successor, while that is being made known; names.json; reload-due while somebody still serves
an older certificate. In `public` (/etc/camwatch): hub-ca.pem, which nodes trust, and broker.pem and
hub.pem with their keys.

Invariants
- An authority is one file, so that its key and certificate are always one another's.
- A server's key is there before its certificate, from its first moment readable by its server.
  Renewing keeps the key, so that a power cut leaves a fitting pair; one that does not fit is mended
  by the next `renew`. names.json goes last where others' certificates come: until then they count
  as a pair that does not fit.
- reload-due is there before a certificate changes and goes only after the servers were told.
"""

from __future__ import annotations

import grp
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge.base import durable
from edge.base.errors import storage_error
from hub.authority import names as names_
from hub.authority.certificates import Key, Pair, Use
from hub.authority.errors import AuthorityError
from hub.authority.names import Names

FOLDER = Path("/var/lib/camwatch-ca")
PUBLIC = Path("/etc/camwatch")
GROUPS: dict[Use, str] = {"broker": "mosquitto", "hub": "camwatch-hub"}
USES: tuple[Use, ...] = ("broker", "hub")
CERTIFICATE_MODE = 0o644
KEY_MODE = 0o640


@dataclass(frozen=True)
class Places:
    """Where the files are."""

    folder: Path = FOLDER
    public: Path = PUBLIC

    @property
    def authority(self) -> Path:
        """The authority's certificate and key."""
        return self.folder / "authority.pem"

    @property
    def successor(self) -> Path:
        """Those of the next one."""
        return self.folder / "next.pem"

    @property
    def trusted(self) -> Path:
        """What nodes trust."""
        return self.public / "hub-ca.pem"

    @property
    def names(self) -> Path:
        """What the certificates are for; not there where they are given by others."""
        return self.folder / "names.json"

    @property
    def reload_due(self) -> Path:
        """There while the servers must be told of a new certificate."""
        return self.folder / "reload-due"

    def certificate(self, use: Use) -> Path:
        """A server's certificate."""
        return self.public / f"{use}.pem"

    def key(self, use: Use) -> Path:
        """A server's private key."""
        return self.public / f"{use}-key.pem"


def read_pair(path: Path) -> Pair | None:
    """The certificate and key in a file; None where it is not there. Raises AuthorityError."""
    key = read_key(path)
    if key is None:
        return None
    certificate = read_certificate(path)
    if certificate is None or certificate.public_key() != key.public_key():
        raise AuthorityError(
            f"{path} is damaged",
            hint="restore it from a backup; without it every node needs a new node file",
        )
    return Pair(certificate, key)


def read_certificate(path: Path) -> x509.Certificate | None:
    """The first certificate in a file; None where it is not there or holds none."""
    try:
        return x509.load_pem_x509_certificates(_read(path) or b"")[0]
    except (ValueError, IndexError):
        return None


def read_key(path: Path) -> Key | None:
    """A key of ours; None where it is not there. Raises AuthorityError for anything else."""
    data = _read(path)
    if data is None:
        return None
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as err:
        raise AuthorityError(
            f"{path} is no private key: {err}", hint="restore it from a backup"
        ) from err
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AuthorityError(f"{path} is not a key that this authority made")
    return key


def read_names(places: Places) -> Names | None:
    """What the certificates are for; None where there is no authority of ours."""
    data = _read(places.names)
    if data is None:
        return None
    try:
        found = json.loads(data)
        return names_.parse(found["hosts"], found["addresses"])
    except (ValueError, KeyError, TypeError) as err:
        raise AuthorityError(
            f"{places.names} cannot be read", hint="camwatch-hub ca make --name ... writes it anew"
        ) from err


def read_server_key(path: Path) -> Key | None:
    """A server's key that can be certified here; None for anything else: a new one takes its place.

    Raises StorageError.
    """
    try:
        return read_key(path)
    except AuthorityError:
        return None


def write_names(places: Places, names: Names) -> None:
    """Remember what the certificates are for."""
    text = json.dumps({"hosts": names.hosts, "addresses": [str(each) for each in names.addresses]})
    durable.write_file(places.names, text.encode() + b"\n")


def write_pair(path: Path, pair: Pair) -> None:
    """A certificate and its key, as one file."""
    durable.write_file(path, pem([pair.certificate]) + key_pem(pair.key))


def write_if_changed(path: Path, data: bytes, *, mode: int = CERTIFICATE_MODE) -> bool:
    """Bring a file up to `data`; whether that was needed. Raises StorageError.

    The mode counts, whatever root's mask is: broker and hub must be able to read it.
    """
    if _read(path) == data:
        return False
    with _part(path, mode) as part:
        part.part_path.chmod(mode)
        part.write(data)
        part.publish()
    return True


def write_key(places: Places, use: Use, data: bytes) -> None:
    """A private key, its server's to read from the moment it appears. Raises StorageError."""
    with _part(places.key(use), durable.PRIVATE_MODE) as part:
        part.write(data)
        _own(part.part_path, use)
        part.publish()


def own_key(places: Places, use: Use) -> None:
    """Let its server's group read the key, as where it was installed since. Raises StorageError."""
    _own(places.key(use), use)


def _part(path: Path, mode: int) -> durable.PartFile:
    durable.part_path(path).unlink(missing_ok=True)
    return durable.PartFile(path, mode=mode)


def _own(path: Path, use: Use) -> None:
    """Give it to its server's group; where that group exists and we may.

    root stays the owner: the renewal's sandbox leaves root no right to read what is not its own.
    """
    if os.geteuid() != 0:
        return
    try:
        group = grp.getgrnam(GROUPS[use]).gr_gid
    except KeyError:  # it is not installed yet
        return
    try:
        os.chown(path, 0, group)
        path.chmod(KEY_MODE)
    except OSError as err:
        raise storage_error(err, "cannot give away", path) from err


def key_pem(key: Key) -> bytes:
    """A private key as PEM (PKCS #8)."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def pem(certificates: Sequence[x509.Certificate]) -> bytes:
    """Certificates as PEM, one after the other."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err
