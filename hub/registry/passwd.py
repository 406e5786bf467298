"""Lines of Mosquitto's password file: NAME:$7$ITERATIONS$SALT$HASH, PBKDF2 with SHA-512.

As mosquitto 2.0 reads it (`mosquitto_passwd`, hash type 7; salt of 12 and hash of 64 bytes, both
base64). The secrets are 256 random bits, so neither iterations nor a random salt add anything; a
salt made from the secret keeps the file's bytes the same as long as the accounts are.
"""

from __future__ import annotations

import base64
import hashlib

ITERATIONS = 101  # mosquitto's own default
SALT_BYTES = 12
HASH_BYTES = 64


def mqtt_hash(name: str, secret: str) -> str:
    """What follows NAME: in the file."""
    salt = hashlib.sha256(f"camwatch/{name}/{secret}".encode()).digest()[:SALT_BYTES]
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, ITERATIONS, HASH_BYTES)
    return f"$7${ITERATIONS}${_text(salt)}${_text(digest)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
