"""One MQTT 5 session with the hub's broker: connect, Will, retained state, acknowledgements in.

`run` reconnects with back-off for as long as it is told to; `run_once` is one connection's life.
A new client object serves each connection, so that no message queue outside the outbox exists.
The session is persistent at the broker (session expiry), so that commands wait while we are away.
"""

from __future__ import annotations

import base64
import logging
import queue
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.base.backoff import Backoff
from edge.base.errors import CamwatchError
from edge.base.logs import error_chain
from edge.contract import names

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 20
CONNECT_TIMEOUT_S = 10.0
LOOP_S = 0.5
SESSION_EXPIRY_S = 24 * 3600
RECEIVE_MAXIMUM = 50
INBOX_MESSAGES = 200
MAX_CORRELATION_BYTES = 64
WAITING_WISHES = 8  # the newest are what counts
WAITING_COMMANDS = 16  # more are let go: who commands so much is not answered so much


class SessionError(CamwatchError):
    """The broker cannot be reached or refuses us."""


@dataclass(frozen=True)
class Address:
    """Where the broker is and who we are to it."""

    host: str
    port: int
    user: str
    password: str
    ca_file: str | None


@dataclass(frozen=True)
class Inbound:
    """A message from the hub."""

    topic: str
    payload: bytes
    signature: bytes
    is_retained: bool = False
    correlation: bytes = b""


class Session:
    """The connection. `publish` and `set_retained` may be called from any thread."""

    def __init__(
        self,
        address: Address,
        *,
        will: tuple[str, bytes],
        topics: tuple[str, ...],
        commands_topic: str | None = None,
        orders_topic: str | None = None,
        wishes_topic: str | None = None,
    ) -> None:
        """`will`: topic and payload that the broker publishes, retained, when we vanish.

        `topics` are subscribed to at QoS 1; their messages arrive in `inbox`, which drops the
        oldest when it is full. Those on `commands_topic` arrive in `commands`, which drops the
        newest, so that a flood of them takes nothing from the others. Those on `orders_topic` go to
        `on_order`, payload and signature, in the thread of `run`. Those on `wishes_topic`
        arrive in `wishes`, which drops the oldest.
        """
        self._address = address
        self._will = will
        self._topics = topics
        self._commands_topic = commands_topic
        self._orders_topic = orders_topic
        self.on_order: Callable[[bytes, bytes], None] = lambda payload, signature: None
        self._wishes_topic = wishes_topic
        self._retained: dict[str, tuple[bytes, bytes | None]] = {}
        self._lock = threading.Lock()
        self._client: mqtt.Client | None = None
        self._online = threading.Event()
        self._stop = threading.Event()
        self._failure: str = ""
        self.inbox: queue.Queue[Inbound] = queue.Queue(INBOX_MESSAGES)
        self.commands: queue.Queue[Inbound] = queue.Queue(WAITING_COMMANDS)
        self.wishes: deque[Inbound] = deque(maxlen=WAITING_WISHES)
        self.dropped_commands = 0
        self.connections = 0
        self.refusals: dict[str, str] = {}
        self.on_message: Callable[[], None] = lambda: None
        self.on_turn: Callable[[], None] = lambda: None  # called while `run` gets on

    @property
    def is_online(self) -> bool:
        """Whether the broker has accepted us and the connection stands."""
        return self._online.is_set()

    def set_retained(self, topic: str, payload: bytes, signature: bytes | None = None) -> None:
        """Publish state that the broker keeps; said again after every reconnect."""
        with self._lock:
            self._retained[topic] = payload, signature
        if self.is_online:
            self.publish(topic, payload, retain=True, signature=signature)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        signature: bytes | None = None,
        correlation: bytes = b"",
    ) -> bool:
        """Hand one message to the connection; false when there is none. Does not block."""
        client = self._client
        if client is None or not self.is_online:
            return False
        properties = _properties(signature)
        if correlation:
            properties.CorrelationData = correlation
        info = client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        return info.rc == mqtt.MQTT_ERR_SUCCESS

    def run(self) -> None:
        """Stay connected until `stop`. The body of the thread named mqtt."""
        backoff = Backoff(1.0, 60.0)
        while not self._stop.is_set():
            connections = self.connections
            self.on_turn()
            try:
                self.run_once()
            except (SessionError, OSError, ValueError) as err:
                wait_s = backoff.next_s()
                log.warning(
                    "no connection to the broker: %s; next attempt in %.1f s",
                    error_chain(err),
                    wait_s,
                )
            else:
                wait_s = backoff.next_s()
                if not self._stop.is_set():
                    log.warning("connection to the broker ended: %s", self._failure or "closed")
            if self.connections > connections:
                backoff.reset()
            self._stop.wait(wait_s)

    def run_once(self) -> None:
        """Connect, serve the connection until it ends. Raises SessionError when refused."""
        self._failure = ""
        client = self._make_client()
        self._client = client
        try:
            client.connect(self._address.host, self._address.port, KEEP_ALIVE_S,
                           clean_start=False, properties=_connect_properties())  # fmt: skip
            while not self._stop.is_set():
                self.on_turn()
                if client.loop(timeout=LOOP_S) != mqtt.MQTT_ERR_SUCCESS:
                    break
            if self._stop.is_set() and self.is_online:
                self._leave(client)
        finally:
            was_online = self.is_online
            self._online.clear()
            self._client = None
        if self._failure and not was_online:
            raise SessionError(self._failure, is_retryable=True)

    def stop(self) -> None:
        """End `run` soon; the broker is told that we are offline."""
        self._stop.set()

    def _leave(self, client: mqtt.Client) -> None:
        """Say offline ourselves, since a clean DISCONNECT does not fire the Will."""
        info = client.publish(*self._will, qos=1, retain=True)
        if info.rc != mqtt.MQTT_ERR_SUCCESS:
            return  # the connection has gone meanwhile: the Will says it
        for _ in range(20):
            if info.is_published() or client.loop(timeout=0.05) != mqtt.MQTT_ERR_SUCCESS:
                break
        client.disconnect()
        client.loop(timeout=0.05)

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self._address.user, protocol=mqtt.MQTTv5
        )
        client.username_pw_set(self._address.user, self._address.password)
        client.will_set(*self._will, qos=1, retain=True)
        client.connect_timeout = CONNECT_TIMEOUT_S
        if self._address.ca_file is not None:
            context = ssl.create_default_context(cafile=self._address.ca_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            client.tls_set_context(context)
        client.on_socket_open = _send_at_once
        client.on_socket_register_write = _leave_to_the_loop
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _on_connect(
        self, client: mqtt.Client, data: object, flags: mqtt.ConnectFlags, code: ReasonCode,
        properties: Properties | None,
    ) -> None:  # fmt: skip
        if code.is_failure:
            self._failure = f"the broker refuses {self._address.user}: {code}"
            return
        wanted = [(topic, SubscribeOptions(qos=1)) for topic in self._topics]
        if self._commands_topic is not None:  # with the flag as it was published
            options = SubscribeOptions(qos=1, retainAsPublished=True)
            wanted.append((self._commands_topic, options))
        if self._orders_topic is not None:
            wanted.append((self._orders_topic, SubscribeOptions(qos=1)))
        if self._wishes_topic is not None:
            wanted.append((self._wishes_topic, SubscribeOptions(qos=1)))
        if wanted:
            client.subscribe(wanted)
        with self._lock:
            retained = list(self._retained.items())
        for topic, (payload, signature) in retained:
            client.publish(topic, payload, qos=1, retain=True, properties=_properties(signature))
        self.connections += 1
        self._online.set()
        log.info("connected to the broker at %s:%d", self._address.host, self._address.port)
        self.on_message()

    def _on_disconnect(
        self, client: mqtt.Client, data: object, flags: mqtt.DisconnectFlags, code: ReasonCode,
        properties: Properties | None,
    ) -> None:  # fmt: skip
        self._failure = self._failure or str(code)

    def _on_message(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        if message.topic == self._commands_topic:
            self._take_command(message)
            return
        if message.topic == self._orders_topic:
            self.on_order(
                bytes(message.payload[: names.MAX_UPDATE_BYTES + 1]), _signature_of(message)
            )
            return
        if message.topic == self._wishes_topic:
            payload = bytes(message.payload[: names.MAX_WANTED_BYTES + 1])
            self.wishes.append(Inbound(message.topic, payload, _signature_of(message)))
            return
        inbound = Inbound(message.topic, bytes(message.payload), _signature_of(message))
        while True:
            try:
                self.inbox.put_nowait(inbound)
            except queue.Full:
                self.inbox.get_nowait()
            else:
                break
        self.on_message()

    def _take_command(self, message: mqtt.MQTTMessage) -> None:
        if len(message.payload) > names.MAX_COMMAND_BYTES or self.commands.full():
            self.dropped_commands += 1
            return
        correlation = bytes(getattr(message.properties, "CorrelationData", b""))
        self.commands.put_nowait(
            Inbound(
                message.topic, bytes(message.payload), _signature_of(message), message.retain,
                correlation[:MAX_CORRELATION_BYTES],
            )
        )  # fmt: skip

    def _on_publish(
        self, client: mqtt.Client, data: object, mid: int, code: ReasonCode, properties: Properties
    ) -> None:
        """A PUBACK proves nothing about the hub, but its refusals are worth a word."""
        if code.is_failure and self.refusals.setdefault(str(code), str(mid)) == str(mid):
            log.error("the broker refuses a message: %s; is this node's access list right?", code)


def _send_at_once(client: mqtt.Client, data: object, sock: object) -> None:
    """Records are small and few: without this, each waits for the acknowledgement before it."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _leave_to_the_loop(client: mqtt.Client, data: object, sock: object) -> None:
    """With this set, `publish` wakes the loop instead of writing in the caller's thread.

    Two threads that write at a time tear each other's packets, the larger the more often: a
    picture of 60 KiB over TLS, with its reply behind it, cut the connection each time.
    """


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    return properties


def _properties(signature: bytes | None) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    if signature is not None:
        properties.UserProperty = [
            (names.SIGNATURE_PROPERTY, base64.b64encode(signature).decode("ascii"))
        ]
    return properties


def _signature_of(message: mqtt.MQTTMessage) -> bytes:
    """The bytes of the user property `sig`; empty where it is absent or no base64."""
    pairs = getattr(message.properties, "UserProperty", [])
    for name, value in pairs:
        if name == names.SIGNATURE_PROPERTY:
            try:
                return base64.b64decode(value, validate=True)
            except ValueError:
                return b""
    return b""
