"""How command line and hub speak: one line of JSON each way, then bytes. Where the socket is.

It is a Unix socket in the hub's state folder, readable by the hub's user alone, who could read the
signing key just as well: so there is nothing to log in with. Its path may be longer than the 107
bytes that such addresses hold (unix(7)); then it is named through its folder's descriptor.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

SOCKET_NAME = "control.sock"
MAX_LINE_BYTES = 8 * 1024
MAX_PATH_BYTES = 100


@contextlib.contextmanager
def address(state_dir: Path) -> Iterator[str]:
    """The socket's address, good within the block. Raises OSError without the folder."""
    path = state_dir / SOCKET_NAME
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        yield str(path)
        return
    fd = os.open(state_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET_NAME}"
    finally:
        os.close(fd)
