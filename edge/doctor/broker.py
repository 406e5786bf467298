"""What the hub's broker says to this node's account: is it let in, may it publish its own, and is
it kept from what is others'?

What is published goes to a camera that no node has, and is not retained: nobody acts on it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from paho.mqtt.reasoncodes import ReasonCode

from edge.base.findings import Finding, failed, passed, warned
from edge.contract import topics
from edge.reach.broker import BAD_LOGIN, NOT_AUTHORIZED, BrokerProbe, Login

NOBODY = "doctor"
ACCESS = "camwatch-hub doctor on the hub tells whether the broker reads the hub's acl file"


def ask(login: Login, node: str, let_in: str) -> Iterator[Finding]:
    """Log in as `node` and try its rights. Blocks for at most a minute.

    `let_in`: what to do where the account is refused."""
    try:
        with BrokerProbe(login) as probe:
            yield from _examine(probe, probe.connect(), node, let_in)
    except (OSError, ValueError) as err:
        text = f"no connection to the broker: {err}"
        yield failed("hub.credential", text, "the lines above tell where it ends")


def _examine(
    probe: BrokerProbe, code: ReasonCode | None, node: str, let_in: str
) -> Iterator[Finding]:
    if code is None:
        yield failed("hub.credential", "the broker does not answer", "look at its log")
    elif code.is_failure:
        remedy = let_in if code.value in (BAD_LOGIN, NOT_AUTHORIZED) else "look at its log"
        yield failed("hub.credential", f"the broker refuses {node}: {code}", remedy)
    else:
        yield passed("hub.credential", f"the broker lets {node} in")
        yield _may_publish(probe, node)
        yield _may_read(probe, node)
        yield _is_held_back(probe, node)


def _may_publish(probe: BrokerProbe, node: str) -> Finding:
    code = probe.publish(_nowhere(node), b"OFF")
    if code is None:
        return failed("hub.publish", "the broker does not acknowledge", "look at its log")
    if code.is_failure:
        text = f"the broker refuses what {node} publishes: {code}"
        return failed("hub.publish", text, ACCESS)
    return passed("hub.publish", f"the broker takes what {node} publishes")


def _may_read(probe: BrokerProbe, node: str) -> Finding:
    codes = probe.subscribe([topics.ack(node), topics.command(node)])
    if codes is None:
        return failed("hub.subscribe", "the broker does not answer", "look at its log")
    refused = next((code for code in codes if code.is_failure), None)
    if refused is not None:
        text = f"the broker lets {node} hear nothing of the hub: {refused}"
        return failed("hub.subscribe", text, ACCESS)
    return passed("hub.subscribe", "the broker lets it hear the hub")


def _is_held_back(probe: BrokerProbe, node: str) -> Finding:
    """Whether the broker refuses to take another node's word from this one."""
    code = probe.publish(_nowhere(f"{NOBODY}-{secrets.token_hex(4)}"), b"OFF")
    if code is not None and code.value == NOT_AUTHORIZED:
        return passed("hub.rights", "the broker refuses what it publishes as another node")
    if code is None or code.is_failure:
        said = "nothing" if code is None else str(code)
        return warned("hub.rights", f"the broker says {said} to what another node may publish")
    text = f"the broker lets {node} publish as any other node"
    return failed("hub.rights", text, f"is acl_file in the broker's settings? {ACCESS}")


def _nowhere(node: str) -> str:
    """The motion of a camera that the node does not have."""
    return topics.motion(node, f"{NOBODY}-{secrets.token_hex(4)}")
