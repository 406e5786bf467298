"""Nodes' public keys: the first that an account's node shows is pinned, others are refused.

The broker's ACL lets only the node's own account write its status, so the first status is the
node's. Used by one thread.
"""

from __future__ import annotations

from typing import Literal

from edge.base.clock import Clock
from edge.keys import KeyFileError, PublicKey
from hub.archive import Archive

Pinning = Literal["pinned", "no_account", "other_key", "no_key"]


class KeyRing:
    """The pinned keys, read once and kept in step."""

    def __init__(self, archive: Archive, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock
        self._keys = {node: PublicKey(raw) for node, raw in archive.pinned_keys().items()}

    def get(self, node: str) -> PublicKey | None:
        """The key that the node's records must be signed with; None before its first status."""
        return self._keys.get(node)

    def show(self, node: str, key_text: str) -> Pinning:
        """A status of `node` names this key. `pinned` when it is, or has become, the node's."""
        known = self._keys.get(node)
        if known is not None and known.text == key_text:
            return "pinned"
        account = self._archive.credential(node)
        if account is None or account.role != "node":
            return "no_account"
        try:
            key = PublicKey.from_text(key_text)
        except KeyFileError:
            return "no_key"
        self._keys[node] = PublicKey(self._archive.pin_key(node, key.raw, self._clock.utc()))
        return "pinned" if self._keys[node].raw == key.raw else "other_key"
