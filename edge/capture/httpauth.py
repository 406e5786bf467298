"""Answers a server's request for a login: Digest (RFC 7616, and RFC 2069 without qop) or Basic.

Digest where it is offered, with the best hash that both know. Pure but for the client's nonce.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_SCHEME = re.compile(r"(?:^|,)\s*(Digest|Basic)(?=\s|,|$)", re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
# Best first; MD5 is what most cameras know, and no secret beyond the login hangs on it.
HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in that a server offers."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def hash_name(self) -> str:
        """The hash of a digest, without -sess."""
        return self.parameters.get("algorithm", "MD5").upper().removesuffix("-SESS")


def challenges(headers: list[str]) -> list[Challenge]:
    """What the WWW-Authenticate headers offer, as far as it is known here."""
    return [challenge for header in headers for challenge in _each(header)]


def best(offered: list[Challenge]) -> Challenge | None:
    """The offer to take: digest by the best hash, else basic; None where none is known."""
    for name in HASHES:
        for challenge in offered:
            if challenge.scheme == "digest" and challenge.hash_name == name:
                return challenge
    return next((each for each in offered if each.scheme == "basic"), None)


def answer(
    challenge: Challenge,
    user: str,
    password: str,
    *,
    uri: str,
    method: str = "GET",
    client_nonce: str | None = None,
) -> str:
    """The Authorization header of a request of `uri`, its first one with this nonce."""
    if challenge.scheme == "basic":
        pair = f"{user}:{password}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")
    given = challenge.parameters
    digest = HASHES[challenge.hash_name]
    client_nonce = client_nonce or secrets.token_hex(8)
    realm, nonce = given.get("realm", ""), given.get("nonce", "")
    secret = digest(f"{user}:{realm}:{password}".encode())
    if given.get("algorithm", "").upper().endswith("-SESS"):
        secret = digest(f"{secret}:{nonce}:{client_nonce}".encode())
    request = digest(f"{method}:{uri}".encode())
    has_qop = "auth" in re.split(r"[\s,]+", given.get("qop", ""))
    middle = f"{nonce}:00000001:{client_nonce}:auth" if has_qop else nonce
    fields = {
        "username": user, "realm": realm, "nonce": nonce, "uri": uri,
        "response": digest(f"{secret}:{middle}:{request}".encode()),
    } | {key: given[key] for key in ("opaque",) if key in given}  # fmt: skip
    line = ", ".join(f'{key}="{_quoted(value)}"' for key, value in fields.items())
    if "algorithm" in given:
        line += f", algorithm={given['algorithm']}"
    if has_qop:
        line += f', qop=auth, nc=00000001, cnonce="{client_nonce}"'
    return "Digest " + line


def _each(header: str) -> Iterator[Challenge]:
    starts = list(_SCHEME.finditer(header))
    for at, start in enumerate(starts):
        end = starts[at + 1].start() if at + 1 < len(starts) else len(header)
        found = _PARAMETER.finditer(header[start.end() : end])
        parameters = {
            each[1].lower(): re.sub(r"\\(.)", r"\1", each[2]) if each[2] is not None else each[3]
            for each in found
        }
        yield Challenge(start[1].lower(), parameters)


def _quoted(text: str) -> str:
    clean = "".join(c for c in text if c.isprintable())
    return clean.replace("\\", "\\\\").replace('"', '\\"')
