"""A box redeems the token of its node file: who is refused, and why.

What a refusal says is for whoever stands beside the box: what happened, and what to do. Only who
holds a token that this hub gave out learns anything of a node.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Literal

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.contract import enrolment
from edge.contract.enrolment import Request, Taken
from edge.keys import KeyFileError, PrivateKey, PublicKey
from hub.archive import Archive
from hub.archive.audit import Deed
from hub.archive.enrolments import Enrolment, TokenStateError
from hub.archive.values import Batch, Credential
from hub.registry.enrolment import token_hash
from hub.registry.passwd import mqtt_hash

ALARM = "alarm.enrolment"  # a token came back with another box's key
NEW_FILE = "make a new node file: camwatch-hub node replace {}, or the console's page of the node"

Word = Literal[
    "unknown_token", "other_hub", "other_node", "signature", "expired", "used", "newer", "revoked"
]


class RefusedEnrolmentError(CamwatchError):
    """The box is not let in. `word` is fixed, for programs."""

    def __init__(self, word: Word, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.word = word


def redeem(archive: Archive, key: PrivateKey, asked: Request, clock: Clock, deed: Deed) -> Taken:
    """Let the box in, and answer it. `deed` is for the audit trail, written with the account.

    Again from the same key it does the same. A token that comes with another key raises an alarm
    on the node. Raises RefusedEnrolmentError, StorageError.
    """
    public = _key_of(asked, key)
    digest = token_hash(asked.token)
    found = archive.enrolments.find(digest)
    if found is None:
        raise RefusedEnrolmentError(
            "unknown_token", "this hub did not give out this token",
            hint="is this node file of this hub, and whole? else " + NEW_FILE.format(asked.node),
        )  # fmt: skip
    now_utc = clock.utc()
    _check(archive, found, asked, public)
    if found.expires_utc <= now_utc:
        raise RefusedEnrolmentError(
            "expired", f"the node file of {found.node} ended on {found.expires_utc:%Y-%m-%d %H:%M}"
            " UTC", hint=NEW_FILE.format(found.node),
        )  # fmt: skip
    secret_sha256 = hashlib.sha256(asked.secret.encode()).digest()
    account = Credential(
        asked.node, "node", secret_sha256, mqtt_hash(asked.node, asked.secret), now_utc
    )
    deed = replace(
        deed,
        at_utc=now_utc,
        action="node.enrol",
        target=f"node:{asked.node}",
        detail={"key": public.fingerprint} | ({"again": "yes"} if found.used_utc else {}),
    )
    try:
        archive.enrolments.redeem(digest, public.raw, account, deed)
    except TokenStateError as err:  # it changed between our look and now
        raise _used(found.node) from err
    signature = key.sign(enrolment.taken_bytes(asked.node, asked.token, asked.key))
    return Taken(asked.v, asked.node, asked.key, _text(signature))


def _key_of(asked: Request, hub: PrivateKey) -> PublicKey:
    """The box's key, whose private half it holds."""
    if asked.hub_key != hub.public.text:
        raise RefusedEnrolmentError(
            "other_hub", "this node file is of another hub, or of this one before it got a new key",
            hint=NEW_FILE.format(asked.node),
        )  # fmt: skip
    said = enrolment.asked_bytes(asked.node, asked.token, asked.hub_key, asked.key, asked.secret)
    try:
        public = PublicKey.from_text(asked.key)
    except KeyFileError:
        public = None
    if public is None or not public.verify(said, enrolment.signature_of(asked)):
        raise RefusedEnrolmentError(
            "signature", "the box does not prove that it holds its key",
            hint="run camwatch-edge enrol again; where it stays so, move its node.key away first",
        )  # fmt: skip
    return public


def _check(archive: Archive, found: Enrolment, asked: Request, public: PublicKey) -> None:
    if found.node != asked.node:
        raise RefusedEnrolmentError(
            "other_node", f"this token is not one of {asked.node}",
            hint="use the node file as it was made",
        )  # fmt: skip
    if found.closed_by == "revoked":
        raise RefusedEnrolmentError(
            "revoked", f"{found.node} was revoked", hint=NEW_FILE.format(found.node)
        )
    is_other = found.public_key not in (None, public.raw)
    if is_other:
        archive.write(Batch(counts={(ALARM, found.node): 1}))
        raise _used(found.node)
    if found.closed_by == "newer":
        raise RefusedEnrolmentError(
            "newer", f"there is a newer node file of {found.node}",
            hint="use that one, or " + NEW_FILE.format(found.node),
        )  # fmt: skip


def _used(node: str) -> RefusedEnrolmentError:
    return RefusedEnrolmentError(
        "used", f"another box has joined with this node file of {node}",
        hint=f"if that was not yours: camwatch-hub node revoke {node}; then "
        + NEW_FILE.format(node),
    )  # fmt: skip


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
