"""What the hub keeps and nobody else may read, such as cameras' passwords: sealed with its key.

A copy of the archive alone gives none of it away; with hub.key lost, it has to be typed in again.
ChaCha20-Poly1305 (RFC 8439) under a key derived from the hub's own.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from edge.keys import PrivateKey

NONCE_BYTES = 12  # RFC 8439 section 2.3


def seal(key: PrivateKey, purpose: str, plain: bytes) -> bytes:
    """`plain`, readable only with the same key and purpose."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + ChaCha20Poly1305(key.derive("sealed")).encrypt(nonce, plain, purpose.encode())


def unseal(key: PrivateKey, purpose: str, data: bytes) -> bytes | None:
    """What was sealed; None where another key or purpose sealed it, or it was changed."""
    nonce, rest = data[:NONCE_BYTES], data[NONCE_BYTES:]
    try:
        return ChaCha20Poly1305(key.derive("sealed")).decrypt(nonce, rest, purpose.encode())
    except (InvalidTag, ValueError):
        return None
