"""What the installer asks for: checked as a whole before anything is read or written.

Passwords come from files or a prompt and leave this module as hashes only.
"""

from __future__ import annotations

import getpass
import hashlib
import re
import stat
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.contract import nodefile
from edge.contract.errors import ContractError
from scripts.lib.flash import tools
from scripts.lib.flash.errors import WantedError

HOST_PATTERN = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"  # one label of RFC 1123
USER_PATTERN = r"[a-z][a-z0-9-]{0,30}"  # what userconf-pi and adduser both take
COUNTRY_PATTERN = r"[A-Z]{2}"  # ISO 3166-1
KEY_PATTERN = r"(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [^\n\"]*)?"
RESERVED_USERS = {"root", "daemon", "camwatch-edge", "nobody"}
SOON = timedelta(hours=12)
PSK_ROUNDS, PSK_BYTES = 4096, 32  # IEEE 802.11-2020, J.4


@dataclass(frozen=True)
class Wifi:
    """A network to join."""

    ssid: str
    psk: str | None = field(repr=False)  # 64 hexadecimal digits; None: an open network
    country: str
    is_hidden: bool = False


@dataclass(frozen=True)
class Wanted:
    """All that a card shall hold."""

    node_file: Path
    node: nodefile.NodeFile = field(repr=False)
    host: str
    user: str
    password_hash: str | None = field(repr=False)  # crypt(5)
    ssh_keys: tuple[str, ...]
    time_zone: str
    wifi: Wifi | None

    @property
    def has_ssh(self) -> bool:
        """Whether anybody can log in over the network."""
        return bool(self.ssh_keys)


def read_node_file(path: Path, now: datetime) -> nodefile.NodeFile:
    """The node file, which nobody else may read, whose token is good, and which names a camera.

    Raises WantedError.
    """
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as err:
        raise WantedError(f"cannot read the node file {path}: {err.strerror}") from err
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise WantedError(
            f"{path} is a secret, but others can read it (mode {stat.S_IMODE(mode):04o})",
            hint=f"chmod 600 {path}",
        )
    try:
        node = nodefile.decode(data)
    except ContractError as err:
        raise WantedError(f"{path}: {err}", hint=err.hint) from err
    if node.expires_utc <= now:
        raise WantedError(
            f"the node file {path} ended at {node.expires_utc:%Y-%m-%d %H:%M} UTC",
            hint=f"make a new one at the hub: camwatch-hub node replace {node.node}",
        )
    if not node.cameras:  # `camwatch-edge enrol` would refuse it, on site
        raise WantedError(
            f"the node file {path} names no camera, so its box could not join",
            hint=f"make a new one at the hub: camwatch-hub node replace {node.node}"
            " --camera gate=rtsp://192.0.2.10/stream1 --camera-user USER"
            " --camera-password-file FILE",
        )
    return node


def is_ending_soon(node: nodefile.NodeFile, now: datetime) -> bool:
    """Whether its token may end before the box stands where it shall."""
    return node.expires_utc - now < SOON


def now_utc() -> datetime:
    """The laptop's clock."""
    return datetime.now(UTC)


def psk(ssid: str, passphrase: str) -> str:
    """The key that WPA2 makes of a passphrase, which no longer opens anything else.

    64 hexadecimal digits are that key already. Raises WantedError.
    """
    if re.fullmatch(r"[0-9A-Fa-f]{64}", passphrase):
        return passphrase.lower()
    if not 8 <= len(passphrase) <= 63 or not passphrase.isascii() or not passphrase.isprintable():
        raise WantedError(
            "the Wi-Fi password must have 8 to 63 printable ASCII characters (or be the 64 "
            "hexadecimal digits of the key)"
        )
    key = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), ssid.encode(), PSK_ROUNDS, PSK_BYTES)
    return key.hex()


def wifi(
    ssid: str, country: str | None, password_file: Path | None, *, is_open: bool, is_hidden: bool
) -> Wifi:
    """The network; the password is asked for where no file is named. Raises WantedError."""
    if not 1 <= len(ssid.encode()) <= 32 or not ssid.isprintable():
        raise WantedError("--wifi-ssid must have 1 to 32 bytes, none of them a control character")
    if country is None:
        raise WantedError(
            "--wifi-country is needed, two capital letters, such as VN",
            hint="a radio without it stays off, by law",
        )
    if not re.fullmatch(COUNTRY_PATTERN, country):
        raise WantedError(
            f"--wifi-country: {country[:40]!r} is not two capital letters", hint="such as VN"
        )
    if is_open:
        return Wifi(ssid, None, country, is_hidden)
    secret = _secret(
        password_file, f"Password of the Wi-Fi network {ssid}: ", "--wifi-password-file"
    )
    return Wifi(ssid, psk(ssid, secret), country, is_hidden)


def password_hash(file: Path) -> str:
    """The SHA-512 crypt(5) of the password in `file`. Raises WantedError."""
    secret = _secret(file, "", "--user-password-file")
    if len(secret) < 8:
        raise WantedError("the user's password must have at least 8 characters")
    said = tools.must(
        ["openssl", "passwd", "-6", "-stdin"], "cannot hash the password", given=secret.encode()
    )
    return said.decode("ascii").strip()


def ssh_keys(value: str) -> tuple[str, ...]:
    """The public keys in the file `value`; none for the word none. Raises WantedError."""
    if value == "none":
        return ()
    path = Path(value)
    try:
        text = path.read_text("utf-8")
    except OSError as err:
        raise WantedError(f"--ssh-key: cannot read {path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise WantedError(f"--ssh-key: {path} holds no public key: it is not text") from err
    if "PRIVATE KEY" in text:
        raise WantedError(
            f"--ssh-key: {path} is a private key", hint=f"give the public one: {path}.pub"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]
    wrong = next((line for line in lines if not re.fullmatch(KEY_PATTERN, line)), None)
    if wrong is not None or not lines:
        raise WantedError(f"--ssh-key: {path} holds no public key, or more than public keys")
    return tuple(lines)


def check_names(host: str, user: str, time_zone: str) -> None:
    """Raises WantedError for a name that the systems would refuse."""
    if not re.fullmatch(HOST_PATTERN, host):
        raise WantedError(f"--hostname: {host!r} is not letters a-z, digits and - inside")
    if not re.fullmatch(USER_PATTERN, user) or user in RESERVED_USERS:
        raise WantedError(f"--user: {user!r} cannot be a user; a to z, then digits or - too")
    if not re.fullmatch(nodefile.ZONE_PATTERN, time_zone):
        raise WantedError(f"--time-zone: {time_zone!r} is not a zone such as Asia/Ho_Chi_Minh")
    zones = Path("/usr/share/zoneinfo")
    if zones.is_dir() and not (zones / time_zone).is_file():
        raise WantedError(
            f"--time-zone: there is no zone {time_zone}", hint="timedatectl list-timezones"
        )


def _secret(file: Path | None, prompt: str, option: str) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise WantedError(f"{option} is needed where nobody can be asked")
        return getpass.getpass(prompt)
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as err:
        raise WantedError(f"{option}: cannot read {file}: {err}") from err
