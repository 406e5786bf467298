"""The contract over a real broker: what arrives is what the checker takes."""

from __future__ import annotations

import base64

import pytest

from edge.contract import samples, topics
from edge.contract.channels import CHANNELS
from edge.keys import PrivateKey, PublicKey
from tests.contract.validate import check_message
from tests.harness.broker import HUB, Broker
from tests.harness.link import Link
from tests.harness.traffic import Traffic

SIGNERS = (PrivateKey(samples.NODE_SECRET).sign, PrivateKey(samples.HUB_SECRET).sign)
KEYS = {"record": PublicKey(samples.NODE_PUBLIC), "ack": PublicKey(samples.HUB_PUBLIC)}
JPEG = b"\xff\xd8\xff\xe0" + bytes(64) + b"\xff\xd9"
PLAIN = {
    topics.motion(samples.NODE, samples.CAMERA): b"ON",
    topics.tamper(samples.NODE, samples.CAMERA): b"OFF",
    topics.camera_status(samples.NODE, samples.CAMERA): b"online",
    topics.snapshot(samples.NODE, samples.EVENT): JPEG,
    topics.camera_snapshot(samples.NODE, samples.CAMERA): JPEG,
    topics.reply_picture(samples.NODE, samples.STREAM): JPEG,
}


@pytest.mark.system
def test_a_message_of_every_channel_passes_a_real_broker_and_the_checker(
    broker: Broker, traffic: Traffic
) -> None:
    """Payload, signature in its user property, and retained flag arrive as the contract says."""
    sent = [
        (channel, channel.address.replace("{node}", samples.NODE), sample.payload, sample.signature)
        for sample in samples.samples(*SIGNERS)
        for channel in CHANNELS
        if channel.name == sample.channel
    ]
    sent += [
        (channel, topic, payload, None)
        for topic, payload in PLAIN.items()
        for channel in CHANNELS
        if channel.match(topic) is not None
    ]
    assert {channel.name for channel, *_ in sent} == {channel.name for channel in CHANNELS}
    with Link(broker.address, broker.account(HUB)) as link:
        for channel, topic, payload, signature in sent:
            sig = {} if signature is None else {"sig": base64.b64encode(signature).decode()}
            link.publish(topic, payload, user_properties=sig, retain=channel.is_retained)
        seen = traffic.wait_for_count(lambda _: True, len(sent), timeout_s=30)
    for message in seen:
        check_message(
            message.topic,
            message.payload,
            message.user_properties,
            is_retained=message.retain,
            keys=KEYS,
        )
    assert sorted(message.payload for message in seen) == sorted(each[2] for each in sent)
