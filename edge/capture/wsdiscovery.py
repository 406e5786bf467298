"""Finds ONVIF cameras on the networks of this box, by WS-Discovery: for installers, never a node.

One question by multicast, said twice as the ONVIF Core specification wants it, which no router
passes on. What answers is somebody on the network, not necessarily a camera: an answer must belong
to our question, and only the address that it came from is believed, never one that it names.
"""

from __future__ import annotations

import fcntl
import selectors
import socket
import struct
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from edge.capture import soap
from edge.capture.errors import OpenError
from edge.capture.soap import Element

GROUP, PORT = "239.255.255.250", 3702  # WS-Discovery (April 2005), 2.4
REPEAT_S = 0.3  # until the second time; SOAP-over-UDP, appendix I: 50 to 500 ms
LISTEN_S = 4.0  # cameras wait for up to 500 ms; slow ones answer after seconds
MAX_DATAGRAM_BYTES = 16_384
MAX_DATAGRAMS = 2000
MAX_CAMERAS = 256
MAX_WORD_CHARS = 64
SCOPE = "onvif://www.onvif.org/"  # ONVIF Core, 7.3.2.2
SIOCGIFADDR = 0x8915  # netdevice(7)
_ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_NETWORK = "http://www.onvif.org/ver10/network/wsdl"


@dataclass(frozen=True, slots=True)
class Found:
    """Who answered: from where, on which ports its services are, and what it calls itself."""

    host: str
    ports: tuple[int, ...]
    name: str = ""
    hardware: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked and who answered; `failed` says why by address where nothing could be sent."""

    asked: tuple[str, ...]
    failed: Mapping[str, str]
    found: tuple[Found, ...]


def seek(addresses: Iterable[str], *, listen_s: float = LISTEN_S) -> Search:
    """Ask from each of this box's own IPv4 `addresses`; answers are in order of theirs. Blocks.

    Raises OSError where nothing can be sent from any of them.
    """
    message_id = f"urn:uuid:{uuid.uuid4()}"
    found: dict[str, Found] = {}
    with selectors.DefaultSelector() as selector:
        sockets, failed = _open(addresses)
        try:
            for each in sockets.values():
                selector.register(each, selectors.EVENT_READ)
            failed |= _listen(selector, sockets, message_id, listen_s, found)
        finally:
            for each in sockets.values():
                each.close()
    return Search(
        tuple(each for each in sockets if each not in failed),
        {address: err.strerror or str(err) for address, err in failed.items()},
        tuple(sorted(found.values(), key=lambda each: socket.inet_aton(each.host))),
    )


def own_addresses() -> dict[str, str]:
    """The IPv4 address of each of this box's interfaces but for loopback, with its name."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(asked.fileno(), SIOCGIFADDR, request)
            except OSError:
                continue  # it has none
            address = socket.inet_ntoa(answer[20:24])
            if not address.startswith("127."):
                found[address] = name
    return found


def read(data: bytes, host: str, message_id: str) -> Found | None:
    """What an answer of `host` says; None where it is none to our question, or nonsense."""
    try:
        envelope = soap.parse(data)
    except OpenError:
        return None
    if envelope is None or envelope.words("Header", "RelatesTo") != message_id:
        return None
    match = envelope.find("Body", "ProbeMatch")  # some leave ProbeMatches out
    if match is None or "NetworkVideoTransmitter" not in match.words("Types"):
        return None
    scopes = match.words("Scopes").split()
    return Found(host, _ports(match, host), _scope(scopes, "name"), _scope(scopes, "hardware"))


def _ports(match: Element, host: str) -> tuple[int, ...]:
    """Of its addresses by HTTP on the host that answered, in its order."""
    ports: list[int] = []
    for text in match.words("XAddrs").split()[:8]:
        try:
            url = urlsplit(text)
            port = url.port or 80
        except ValueError:
            continue
        if url.scheme == "http" and url.hostname == host and port not in ports:
            ports.append(port)
    return tuple(ports)


def _scope(scopes: Sequence[str], kind: str) -> str:
    """The first of that kind, printable and short."""
    start = f"{SCOPE}{kind}/"
    text = next((each.removeprefix(start) for each in scopes if each.startswith(start)), "")
    return "".join(each for each in unquote(text) if each.isprintable())[:MAX_WORD_CHARS]


def _open(
    addresses: Iterable[str],
) -> tuple[dict[str, socket.socket], dict[str, OSError]]:
    """A socket for each, and what went wrong with the others. Raises OSError without any."""
    sockets: dict[str, socket.socket] = {}
    failed: dict[str, OSError] = {}
    for address in addresses:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            made.bind((address, 0))
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            made.setblocking(False)
        except OSError as err:
            made.close()
            failed[address] = err
        else:
            sockets[address] = made
    if not sockets:
        raise next(iter(failed.values()), OSError("this box has no IPv4 address"))
    return sockets, failed


def _listen(
    selector: selectors.BaseSelector,
    sockets: Mapping[str, socket.socket],
    message_id: str,
    listen_s: float,
    found: dict[str, Found],
) -> dict[str, OSError]:
    """Ask and take answers; what went wrong where nothing could be sent. Raises OSError where
    that is everywhere."""
    question = _question(message_id)
    start_s = time.monotonic()
    due_s = [start_s, start_s + REPEAT_S]
    failed: list[dict[str, OSError]] = []
    by_fd = {each.fileno(): each for each in sockets.values()}
    taken = 0
    while (now_s := time.monotonic()) < start_s + listen_s and taken < MAX_DATAGRAMS:
        if due_s and now_s >= due_s[0]:
            due_s.pop(0)
            failed.append(_send(sockets, question))
        until_s = min([start_s + listen_s, *due_s]) - time.monotonic()
        for key, _ in selector.select(max(0.0, until_s)):
            taken += 1
            data, host = _receive(by_fd[key.fd])
            answer = read(data, host, message_id) if data else None
            if answer and (host in found or len(found) < MAX_CAMERAS):
                found.setdefault(host, answer)
    return {
        address: err for address, err in (failed[0] if failed else {}).items()
        if all(address in each for each in failed)
    }  # fmt: skip


def _send(sockets: Mapping[str, socket.socket], question: bytes) -> dict[str, OSError]:
    """What went wrong, by address. Raises OSError where it goes out by none of them."""
    failed = {}
    for address, each in sockets.items():
        try:
            each.sendto(question, (GROUP, PORT))
        except OSError as err:
            failed[address] = err
    if len(failed) == len(sockets):
        raise next(iter(failed.values()))
    return failed


def _receive(asked: socket.socket) -> tuple[bytes, str]:
    """A datagram and its sender; empty where it is gone, or too large to be an answer."""
    try:
        data, (host, _) = asked.recvfrom(MAX_DATAGRAM_BYTES + 1)
    except OSError:
        return b"", ""
    return (data, str(host)) if len(data) <= MAX_DATAGRAM_BYTES else (b"", "")


def _question(message_id: str) -> bytes:
    """With all prefixes declared at the top: some cameras look for words rather than read XML."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope'
        f' xmlns:s="{_ENVELOPE}" xmlns:a="{_ADDRESSING}" xmlns:d="{_DISCOVERY}"'
        f' xmlns:dn="{_NETWORK}"><s:Header><a:MessageID>{message_id}</a:MessageID>'
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
        f"<a:Action>{_DISCOVERY}/Probe</a:Action></s:Header><s:Body><d:Probe>"
        "<d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"
    ).encode()
