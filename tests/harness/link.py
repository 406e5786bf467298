"""One MQTT 5 connection that waits for its answers: CONNACK, SUBACK, PUBACK with reason codes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.harness.child import HarnessError
from tests.harness.patience import PATIENCE_S

ANSWER_TIMEOUT_S = PATIENCE_S
KEEP_ALIVE_S = 30
RECEIVE_MAXIMUM = 1000


@dataclass(frozen=True)
class BrokerAddress:
    """What a client needs to know to connect."""

    host: str
    port: int
    ca_file: Path | None = None


@dataclass(frozen=True)
class Account:
    """Who a client says it is. The client identifier is the user name where none is given."""

    user: str
    password: str
    client_id: str = ""


OnMessage = Callable[[mqtt.MQTTMessage], None]


class Link:
    """Connects at once; messages reach `on_message` in the client's own thread.

    It does not reconnect by itself, so that a test sees each connection end.
    """

    def __init__(
        self,
        address: BrokerAddress,
        account: Account,
        *,
        on_message: OnMessage | None = None,
        will: tuple[str, bytes] | None = None,
        session_expiry_s: int = 0,
        connack_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        """`will` is a topic and payload, QoS 1 and retained. Raises HarnessError when refused."""
        self._answers: dict[int, list[ReasonCode]] = {}
        self._changed = threading.Condition()
        self._connack: ReasonCode | None = None
        self._is_open = False
        self._on_message = on_message
        self._client = self._make_client(address, account, will)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = session_expiry_s
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        try:
            self._client.connect(
                address.host,
                address.port,
                keepalive=KEEP_ALIVE_S,
                clean_start=session_expiry_s == 0,
                properties=properties,
            )
        except OSError as err:
            raise HarnessError(f"cannot reach the broker at port {address.port}: {err}") from err
        self._client.loop_start()
        connack = self._wait_connack(connack_timeout_s)
        if connack is None or connack.is_failure:
            self._client.loop_stop()
            raise HarnessError(f"the broker refused {account.user}: {connack}")

    def _make_client(
        self, address: BrokerAddress, account: Account, will: tuple[str, bytes] | None
    ) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=account.client_id or account.user,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        client.username_pw_set(account.user, account.password)
        if address.ca_file is not None:
            client.tls_set_context(ssl.create_default_context(cafile=str(address.ca_file)))
        if will is not None:
            client.will_set(*will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_any_message
        client.on_publish = lambda _c, _u, mid, code, _p: self._answer(mid, [code])
        client.on_subscribe = lambda _c, _u, mid, codes, _p: self._answer(mid, codes)
        return client

    @property
    def is_open(self) -> bool:
        """Whether the connection stands, as far as this side knows."""
        with self._changed:
            return self._is_open

    def subscribe(self, topic_filter: str, *, qos: int = 1) -> None:
        """Subscribe, and wait for it to stand. Raises HarnessError when refused."""
        options = SubscribeOptions(qos=qos, retainAsPublished=True)
        _result, mid = self._client.subscribe(topic_filter, options=options)
        codes = self._wait_answer(mid, f"subscription to {topic_filter}")
        if any(code.is_failure for code in codes):
            raise HarnessError(f"subscription to {topic_filter} refused: {codes}")

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        user_properties: dict[str, str] | None = None,
        retain: bool = False,
        correlation: bytes = b"",
    ) -> str:
        """Publish at QoS 1; the PUBACK's reason, such as `Success` or `Not authorized`."""
        properties = Properties(PacketTypes.PUBLISH)
        if user_properties:
            properties.UserProperty = list(user_properties.items())
        if correlation:
            properties.CorrelationData = correlation
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        return str(self._wait_answer(info.mid, f"message on {topic}")[0])

    def close(self) -> None:
        """Disconnect in good order: no Will is sent. Harmless when it is closed."""
        self._client.disconnect()
        self._client.loop_stop()

    def drop(self) -> None:
        """Cut the connection without a word, as a power cut does: the broker sends the Will."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            sock.shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()

    def _wait_connack(self, timeout_s: float) -> ReasonCode | None:
        with self._changed:
            self._changed.wait_for(lambda: self._connack is not None, timeout_s)
            return self._connack

    def _wait_answer(self, mid: int | None, what: str) -> list[ReasonCode]:
        with self._changed:
            self._changed.wait_for(
                lambda: mid in self._answers or not self._is_open, ANSWER_TIMEOUT_S
            )
            if mid is None or mid not in self._answers:
                raise HarnessError(f"no answer to the {what}; open: {self._is_open}")
            return self._answers.pop(mid)

    def _answer(self, mid: int, codes: list[ReasonCode]) -> None:
        with self._changed:
            self._answers[mid] = codes
            self._changed.notify_all()

    def _on_connect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _flags: mqtt.ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        with self._changed:
            self._connack = code
            self._is_open = not code.is_failure
            self._changed.notify_all()

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _flags: mqtt.DisconnectFlags,
        _code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    def _on_any_message(
        self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        if self._on_message is not None:
            self._on_message(message)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
