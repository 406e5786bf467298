"""The command line's end of the socket. Blocking; one wish a connection."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.base import strictjson
from edge.base.errors import CamwatchError
from hub.control import wire

TIMEOUT_S = 30.0
BLOCK_BYTES = 64 * 1024


class HubError(CamwatchError):
    """The hub does not run, or does not do it. `word` is short and fixed, for programs."""

    def __init__(self, word: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.word = word


class HubLine:
    """A wish and its answer; a context manager that hangs up."""

    def __init__(self, state_dir: Path, wish: Mapping[str, object]) -> None:
        """Ask. Raises HubError where no hub runs on this machine, or it refuses."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT_S)
        try:
            with wire.address(state_dir) as path:
                self._socket.connect(path)
            self._socket.sendall(json.dumps(wish).encode() + b"\n")
            self._file = self._socket.makefile("rb")
            line = self._file.readline(wire.MAX_LINE_BYTES)
        except PermissionError as err:
            self._socket.close()
            raise HubError(
                "permission", f"this user may not speak to the hub in {state_dir}",
                hint="run it as the hub's own user: sudo -u camwatch-hub ...",
            ) from err  # fmt: skip
        except OSError as err:
            self._socket.close()
            raise HubError(
                "not_running", f"no hub answers in {state_dir}: {err.strerror or err}",
                hint="camwatch-hub run must be running on this machine",
            ) from err  # fmt: skip
        self.answer = self._parse(line)

    def _parse(self, line: bytes) -> dict[str, object]:
        try:
            answer = strictjson.loads(line, max_bytes=wire.MAX_LINE_BYTES)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            self.close()
            raise HubError("ended", "the hub ended before it answered")
        if "error" in answer:
            self.close()
            raise HubError(
                str(answer["error"]), str(answer.get("message")), hint=str(answer.get("hint") or "")
            )
        return answer

    def read(self, size_bytes: int) -> bytes:
        """Exactly so many of the bytes that follow. Raises HubError."""
        try:
            data = self._file.read(size_bytes)
        except OSError as err:
            raise HubError("ended", f"the hub ended in the middle: {err}") from err
        if len(data) != size_bytes:
            raise HubError("ended", "the hub ended in the middle")
        return data

    def blocks(self) -> Iterator[bytes]:
        """All bytes that follow, as they come, for as long as it takes. Raises HubError."""
        self._socket.settimeout(None)
        try:
            while block := self._file.read1(BLOCK_BYTES):
                yield block
        except OSError as err:
            raise HubError("ended", f"the hub ended: {err}") from err

    def hang_up(self) -> None:
        """End the connection; who reads in another thread comes to the end. Then `close`."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up. Safe to call again."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
