"""Bytes of clips and snapshots, named by their SHA-256.

`ClipStore` is the interface; `FileClipStore` the default store. Every implementation passes the
suite in tests/hub/clipstore/conformance.py.
"""

from hub.clipstore.files import FileClipStore
from hub.clipstore.interface import ClipStore, HashMismatchError

__all__ = ["ClipStore", "FileClipStore", "HashMismatchError"]
