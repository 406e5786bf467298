"""SOAP 1.2 over HTTP, as little of it as `onvif` needs: an envelope out, a small tree back.

A document type is refused, so that no entity can grow; size and depth are bounded. The XML parser
is loaded with the first answer: a running node asks for none and never holds it. Nothing here
follows a redirection or names another host than the one it was given.
"""

from __future__ import annotations

import base64
import hashlib
import html
import http.client
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from edge.capture.errors import OpenError

MAX_ANSWER_BYTES = 2 << 20  # a recorder of 64 channels lists 128 profiles in some 400 kB
MAX_ANSWER_S = 10.0  # also where it comes in a trickle
MAX_DEPTH, MAX_ELEMENTS = 64, 50_000
MAX_REASON_CHARS = 100
_ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"  # Username Token Profile 1.0
_DIGEST = f"{_WSS}username-token-profile-1.0#PasswordDigest"
_BASE64 = f"{_WSS}soap-message-security-1.0#Base64Binary"


@dataclass(slots=True)
class Element:
    """One element, by its local name: what a camera calls its namespaces does not matter."""

    name: str
    attributes: Mapping[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Element]:
        """Every element of that name below this one, in the document's order."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def find(self, *path: str) -> Element | None:
        """The first element below that is reached by these names, each anywhere below the last."""
        found: Element | None = self
        for name in path:
            found = next(found.all(name), None) if found else None
        return found

    def words(self, *path: str) -> str:
        """The text of `find`; empty where there is none."""
        found = self.find(*path)
        return found.text.strip() if found else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `envelope` is None where it was no SOAP."""

    status: int
    challenges: list[str]
    envelope: Element | None

    @property
    def body(self) -> Element | None:
        """The body of a success, None of everything else."""
        if self.status != http.client.OK or self.envelope is None or self.fault:
            return None
        return self.envelope.find("Body")

    @property
    def fault(self) -> str:
        """Why the camera refuses, in its own words, cut short; empty where it does not."""
        fault = self.envelope.find("Fault") if self.envelope else None
        if fault is None:
            return ""
        codes = [value.text.strip().rpartition(":")[2] for value in fault.all("Value")]
        said = " ".join([*codes, fault.words("Reason", "Text") or fault.words("faultstring")])
        return "".join(c for c in said if c.isprintable())[:MAX_REASON_CHARS] or "a fault"


def post(
    host: str, port: int, path: str, message: bytes, *, timeout_s: float, authorization: str = ""
) -> Answer:
    """Send a message on a connection of its own. Blocks. Raises OpenError where none is answered.

    `timeout_s` is for connecting and for each read; a whole body may take MAX_ANSWER_S.
    """
    headers = {"Content-Type": "application/soap+xml; charset=utf-8", "User-Agent": "camwatch"}
    if authorization:
        headers["Authorization"] = authorization
    client = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        client.request("POST", path, body=message, headers=headers)
        response = client.getresponse()
        data = _read(response, time.monotonic() + MAX_ANSWER_S)
        challenges = response.headers.get_all("WWW-Authenticate") or []
    except (ConnectionRefusedError, http.client.RemoteDisconnected) as err:
        raise OpenError("refused", f"port {port} of {host} takes no call") from err
    except (OSError, http.client.HTTPException, ValueError) as err:
        said = (
            "does not answer" if isinstance(err, TimeoutError | socket.gaierror) else "is no HTTP"
        )
        raise OpenError("unreachable", f"port {port} of {host} {said}") from err
    finally:
        client.close()
    if len(data) > MAX_ANSWER_BYTES:
        raise OpenError("broken", f"port {port} of {host} answers more than {MAX_ANSWER_BYTES} B")
    return Answer(response.status, challenges, parse(data))


def envelope(body: str, header: str = "") -> bytes:
    """A message; both parts are XML."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{_ENVELOPE}">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def username_token(
    user: str, password: str, created_utc: datetime, *, nonce: bytes | None = None
) -> str:
    """The WS-Security header that proves the password without sending it.

    `created_utc` is the time by the camera's clock: most refuse a token that is minutes off.
    """
    nonce = nonce or secrets.token_bytes(16)
    created = created_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    proof = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False)
    return (
        f'<Security s:mustUnderstand="1" xmlns="{_WSS}wssecurity-secext-1.0.xsd"><UsernameToken>'
        f"<Username>{html.escape(user)}</Username>"
        f'<Password Type="{_DIGEST}">{base64.b64encode(proof.digest()).decode()}</Password>'
        f'<Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode()}</Nonce>'
        f'<Created xmlns="{_WSS}wssecurity-utility-1.0.xsd">{created}</Created>'
        "</UsernameToken></Security>"
    )


def parse(data: bytes) -> Element | None:
    """The envelope in `data`; None where it is no SOAP. Raises OpenError for a document type."""
    from xml.parsers import expat  # see the module's text

    root, count = Element("", {}), 0
    open_elements = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(open_elements) > MAX_DEPTH or count > MAX_ELEMENTS:
            raise OpenError("broken", "the camera's answer is nested too deep or has no end")
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_name: str) -> None:
        open_elements.pop()

    def text(characters: str) -> None:
        open_elements[-1].text += characters

    def doctype(*_: object) -> None:
        raise OpenError(
            "broken", "the camera's answer declares a document type, which SOAP forbids"
        )

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError):
        return None
    found = root.children[0]
    return found if found.name == "Envelope" else None


def _read(response: http.client.HTTPResponse, end_mono_s: float) -> bytes:
    data = bytearray()
    while len(data) <= MAX_ANSWER_BYTES and (more := response.read1(1 << 16)):
        data += more
        if time.monotonic() > end_mono_s:
            raise TimeoutError
    return bytes(data)


def _local(name: str) -> str:
    return name.rpartition(" ")[2].rpartition(":")[2]
