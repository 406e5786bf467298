"""What a broker answers to one account, asked under a client id that nobody else has.

A second session with the id of a running node or hub would end that one's.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

LIMIT_S = 15.0
KEEP_ALIVE_S = 20
LOOP_S = 0.2
# Reason codes, MQTT 5 section 2.4.
BAD_LOGIN, NOT_AUTHORIZED = 0x86, 0x87


@dataclass(frozen=True)
class Login:
    """Where a broker is, and who asks; nobody where `user` is None."""

    host: str
    port: int
    user: str | None
    password: str = ""
    ca_file: str | None = None


@dataclass
class _Answers:
    """What came back so far."""

    connack: ReasonCode | None = None
    pubacks: dict[int, ReasonCode] = field(default_factory=dict)
    suback: list[ReasonCode] | None = None
    is_gone: bool = False


class BrokerProbe:
    """One connection with no Will and no session to keep. Methods block, each for LIMIT_S at most;
    None where nothing came back in that time."""

    def __init__(self, login: Login) -> None:
        """Raises OSError or ValueError where `ca_file` cannot be used."""
        self._login = login
        self._answers = _Answers()
        self._client = _client(login, self._answers)

    def connect(self) -> ReasonCode | None:
        """The reason code of the CONNACK. Raises OSError, ValueError."""
        self._client.connect(self._login.host, self._login.port, KEEP_ALIVE_S, clean_start=True)
        self._wait(lambda: self._answers.connack is not None)
        return self._answers.connack

    def publish(self, topic: str, payload: bytes) -> ReasonCode | None:
        """Publish at QoS 1, not retained; the reason code of the PUBACK."""
        number = self._client.publish(topic, payload, qos=1).mid
        self._wait(lambda: number in self._answers.pubacks)
        return self._answers.pubacks.get(number)

    def subscribe(self, filters: Sequence[str]) -> list[ReasonCode] | None:
        """The reason codes of the SUBACK."""
        self._answers.suback = None
        self._client.subscribe([(each, 1) for each in filters])
        self._wait(lambda: self._answers.suback is not None)
        return self._answers.suback

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop(timeout=LOOP_S)

    def _wait(self, is_done: Callable[[], bool]) -> None:
        end_mono_s = time.monotonic() + LIMIT_S
        while not is_done() and not self._answers.is_gone and time.monotonic() < end_mono_s:
            if self._client.loop(timeout=LOOP_S) != mqtt.MQTT_ERR_SUCCESS:
                return


def _client(login: Login, answers: _Answers) -> mqtt.Client:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"{login.user or 'nobody'}-doctor-{secrets.token_hex(4)}",
        protocol=mqtt.MQTTv5,
    )
    if login.user is not None:
        client.username_pw_set(login.user, login.password)
    client.connect_timeout = LIMIT_S
    if login.ca_file is not None:
        context = ssl.create_default_context(cafile=login.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        client.tls_set_context(context)

    def on_connect(
        _: mqtt.Client, data: object, flags: mqtt.ConnectFlags, code: ReasonCode,
        properties: Properties | None,
    ) -> None:  # fmt: skip
        answers.connack = code

    def on_publish(
        _: mqtt.Client, data: object, mid: int, code: ReasonCode, properties: Properties
    ) -> None:
        answers.pubacks[mid] = code

    def on_subscribe(
        _: mqtt.Client, data: object, mid: int, codes: list[ReasonCode],
        properties: Properties | None,
    ) -> None:  # fmt: skip
        answers.suback = codes

    def on_disconnect(
        _: mqtt.Client, data: object, flags: mqtt.DisconnectFlags, code: ReasonCode,
        properties: Properties | None,
    ) -> None:  # fmt: skip
        answers.is_gone = True

    client.on_connect, client.on_publish = on_connect, on_publish
    client.on_subscribe, client.on_disconnect = on_subscribe, on_disconnect
    return client
