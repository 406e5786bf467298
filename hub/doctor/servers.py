"""The broker and the hub's own HTTP server, asked from outside as nodes and people ask them."""

from __future__ import annotations

import http.client
import secrets
import ssl
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from edge.base.findings import Finding, failed, is_good, passed, warned
from edge.contract import topics
from edge.reach import server
from edge.reach.broker import NOT_AUTHORIZED, BrokerProbe, Login
from edge.reach.server import Server
from hub.config import HubSettings
from hub.config.settings import HttpSettings

LIMIT_S = 10.0
NOBODY = "doctor"
ALIVE = "/healthz"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked, not bound
FILES = "let mosquitto.conf name the hub's passwd and acl files, and reload the broker"


def broker(settings: HubSettings, now: datetime) -> Iterator[Finding]:
    """The way there, the hub's account and its rights, and that strangers are kept out."""
    mqtt = settings.mqtt
    door = Server(
        "broker", mqtt.host, mqtt.port, mqtt.ca_file is not None, mqtt.ca_file, "mqtt.ca_file"
    )
    way = list(server.reach(door, now))
    yield from way
    if not is_good(way):
        return
    try:
        secret = settings.secret_path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as err:
        text = f"the hub's password cannot be read: {err}"
        yield failed("broker.account", text, "run this as the hub's user")
        return
    try:
        yield from _account(Login(mqtt.host, mqtt.port, mqtt.user, secret, mqtt.ca_file))
        yield _strangers(Login(mqtt.host, mqtt.port, None, "", mqtt.ca_file))
    except (OSError, ValueError) as err:
        yield failed("broker.account", f"no connection: {err}", "look at the broker's log")


def _account(login: Login) -> Iterator[Finding]:
    with BrokerProbe(login) as probe:
        code = probe.connect()
        if code is None or code.is_failure:
            text = f"the broker refuses {login.user}: {code or 'no answer'}"
            yield failed("broker.account", text, FILES)
            return
        yield passed("broker.account", f"the broker lets {login.user} in")
        nobody = f"{NOBODY}-{secrets.token_hex(4)}"  # a node that there is not
        code = probe.publish(topics.ack(nobody), b"")
        if code is None or code.is_failure:
            text = f"the hub may not answer nodes: {code or 'no answer'}"
            yield failed("broker.rights", text, FILES)
            return
        code = probe.publish(topics.motion(nobody, nobody), b"OFF")
        if code is not None and code.value == NOT_AUTHORIZED:
            yield passed("broker.rights", "the broker holds each account to its rights")
        else:
            yield warned("broker.rights", "the broker lets the hub publish as a node", FILES)


def _strangers(login: Login) -> Finding:
    with BrokerProbe(login) as probe:
        code = probe.connect()
    if code is None or code.is_failure:
        return passed("broker.strangers", "the broker lets nobody in without an account")
    text = "the broker lets in who has no account"
    return failed("broker.strangers", text, "set allow_anonymous false in mosquitto.conf")


def web(settings: HttpSettings, now: datetime) -> Iterator[Finding]:
    """That it answers, and how long its certificate lasts."""
    check = "http"
    host = EVERYWHERE.get(settings.host, settings.host)
    if settings.cert_file is not None:
        yield from server.authority("http.certificate", settings.cert_file, now)
        if settings.public_url is not None:
            name = urlsplit(settings.public_url).hostname or ""
            yield server.named("http.certificate", settings.cert_file, name)
    try:
        status = _ask(host, settings)
    except (OSError, http.client.HTTPException) as err:
        text = f"nothing answers on {host} port {settings.port}: {err or type(err).__name__}"
        yield failed(check, text, "does the hub run? systemctl status camwatch-hub tells why not")
        return
    if status != 200:
        text = f"what answers on {host} port {settings.port} is no hub: {status}"
        yield failed(check, text, "does another program use that port?")
        return
    yield passed(check, f"the hub answers on {host} port {settings.port}")


def _ask(host: str, settings: HttpSettings) -> int:
    """The status of the answer. No secret is sent, so the certificate need not be trusted here."""
    connection = http.client.HTTPConnection(host, settings.port, timeout=LIMIT_S)
    if settings.cert_file is not None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            host, settings.port, timeout=LIMIT_S, context=context
        )
    try:
        connection.request("GET", ALIVE)
        return connection.getresponse().status
    finally:
        connection.close()
