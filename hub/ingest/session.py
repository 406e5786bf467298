"""The hub's MQTT 5 session: what comes is put into the inbox, and acknowledged only when told.

The session persists at the broker (clean start off, session expiry), so that what arrives while
the hub restarts is kept as far as the broker keeps it; nodes send the rest again. The Receive
Maximum bounds what the broker may send before we acknowledge; from a broker that does not keep to
it nothing is read while the inbox is full.
"""

from __future__ import annotations

import logging
import queue
import socket
import ssl
import threading
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.contract import discovery, names, topics
from hub.config import MqttSettings
from hub.ingest.inbox import Inbox
from hub.ingest.message import Message, Publication, signature_in, signature_text

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 30
SESSION_EXPIRY_S = 24 * 3600
RECEIVE_MAXIMUM = 500
MAX_PACKET_BYTES = names.MAX_SNAPSHOT_BYTES + 64 * 1024  # topic and properties beside the payload
RECONNECT_MIN_S, RECONNECT_MAX_S = 1, 15
FULL_WAIT_S = 0.5  # between looks at whether to stop, while the inbox is full
MAX_OUTGOING = 2000  # QoS 1 publications waiting for the broker; more are refused, not kept
SUBSCRIPTIONS = [
    (topics.of_all_nodes(topics.STATUS), 1),
    (topics.of_all_nodes(topics.RECORD), 1),
    (topics.of_all_nodes(f"{topics.SNAPSHOT}/+"), 1),
    (topics.of_all_nodes(topics.HEALTH), 0),
    (topics.of_all_nodes(topics.REPLY), 1),
    (topics.of_all_nodes(f"{topics.REPLY}/+"), 1),
    (topics.of_all_nodes(topics.APPLIED), 1),
    (topics.of_all_nodes(topics.UPDATE_STATE), 1),
    (discovery.BIRTH_TOPIC, 1),
]


class Session:
    """One connection, kept up by the client library's own thread.

    By none of ours: only while it runs the loop itself does that library write in one thread. Else
    whoever publishes writes too, and two at a time tear each other's packets.
    """

    def __init__(
        self,
        settings: MqttSettings,
        secret: str,
        inbox: Inbox,
        clock: Clock,
        *,
        on_reply: Callable[[Message], None] = lambda _: None,
    ) -> None:
        """Nothing is connected yet. `on_reply` is called in this session's thread with what comes
        on the topics of replies and updates, which are not the inbox's. Raises CamwatchError when
        `ca_file` cannot be used."""
        self._on_reply = on_reply
        self._settings = settings
        self._inbox = inbox
        self._clock = clock
        self._connection = 0
        self._subscribed = threading.Event()
        self._stopping = threading.Event()
        self._last_failure = ""
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.user,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        client.username_pw_set(settings.user, secret)
        if settings.ca_file is not None:
            client.tls_set_context(_trust(settings.ca_file))
        client.reconnect_delay_set(RECONNECT_MIN_S, RECONNECT_MAX_S)
        client.max_queued_messages_set(MAX_OUTGOING)
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_connect_fail = self._on_connect_fail
        self._client = client

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        self._client.connect_async(
            self._settings.host,
            self._settings.port,
            keepalive=KEEP_ALIVE_S,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    def stop(self, timeout_s: float) -> None:
        """Disconnect in good order; the session stays at the broker."""
        self._stopping.set()
        self._client.disconnect()
        waiting = threading.Thread(target=self._client.loop_stop, name="mqtt-stop", daemon=True)
        waiting.start()
        waiting.join(timeout_s)

    @property
    def is_subscribed(self) -> bool:
        """Whether the broker confirmed our subscriptions on the connection that stands."""
        return self._subscribed.is_set()

    def publish(self, publication: Publication) -> None:
        """Send; lost while not connected (QoS 0) or when too much waits. Any thread may call."""
        properties = Properties(PacketTypes.PUBLISH)
        if publication.signature is not None:
            pair = (names.SIGNATURE_PROPERTY, signature_text(publication.signature))
            properties.UserProperty = [pair]
        if publication.response_topic is not None:
            properties.ResponseTopic = publication.response_topic
        if publication.correlation is not None:
            properties.CorrelationData = publication.correlation
        if publication.expiry_s is not None:
            properties.MessageExpiryInterval = publication.expiry_s
        self._client.publish(
            publication.topic,
            publication.payload,
            qos=publication.qos,
            retain=publication.is_retained,
            properties=properties,
        )

    def acknowledge(self, message: Message) -> None:
        """PUBACK, unless the connection that brought the message is gone. Any thread may call."""
        # After a reconnect the broker may use the same identifier for another message.
        if message.qos > 0 and message.connection == self._connection:
            self._client.ack(message.mid, message.qos)

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: object,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._note_failure(f"the broker refused the hub: {reason}")
            return
        self._connection += 1
        self._last_failure = ""
        kept = "kept" if flags.session_present else "new"
        logger.info("connected to the broker as %s, session %s", self._settings.user, kept)
        # No Local: what the hub itself says for nodes that are out (farewell.py) is no news to it.
        client.subscribe(
            [(topic, SubscribeOptions(qos=qos, noLocal=True)) for topic, qos in SUBSCRIPTIONS]
        )

    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        for (topic, _), reason in zip(SUBSCRIPTIONS, reasons, strict=False):
            if reason.is_failure:
                logger.error("the broker refused the subscription to %s: %s", topic, reason)
        self._subscribed.set()

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._subscribed.clear()
        if reason.is_failure:
            self._note_failure(f"lost the broker: {reason}")

    def _on_connect_fail(self, _client: mqtt.Client, _userdata: object) -> None:
        where = f"{self._settings.host}:{self._settings.port}"
        self._note_failure(f"cannot reach the broker at {where}; trying again")

    def _note_failure(self, text: str) -> None:
        """Once for each kind of failure in a row, not once for each attempt."""
        if text != self._last_failure:
            logger.warning("%s", text)
        self._last_failure = text

    def _on_message(
        self, _client: mqtt.Client, _userdata: object, received: mqtt.MQTTMessage
    ) -> None:
        try:
            topic = received.topic
        except UnicodeDecodeError:  # paho decodes lazily; the broker should have refused it
            topic = ""
        pairs = getattr(received.properties, "UserProperty", [])
        message = Message(
            topic,
            bytes(received.payload),
            signature_in(pairs),
            self._clock.utc(),
            received.qos,
            received.mid,
            self._connection,
        )
        parts = topics.parse(topic)
        if parts is not None and parts.leaf in (topics.REPLY, topics.UPDATE):  # kept elsewhere
            self._on_reply(message)
            self.acknowledge(message)
            return
        while not self._stopping.is_set():
            try:
                self._inbox.put(message, wait_s=FULL_WAIT_S if message.qos else 0.0)
            except queue.Full:
                if not message.qos:
                    logger.debug("inbox full, a QoS 0 message on %s let go", topic)
                    return
            else:
                return


def _send_at_once(_client: mqtt.Client, _userdata: object, sock: object) -> None:
    # Otherwise an acknowledgement waits 40 ms behind the PUBACKs before it, RFC 896 and RFC 1122.
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _trust(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as err:  # ssl.SSLError too
        raise CamwatchError(
            f"cannot trust the certificates in {ca_file}: {err}",
            hint="mqtt.ca_file must be a PEM file that the hub's user can read",
        ) from err
