"""A child process that writes a stream to its standard output.

It has a process group of its own, which is killed as a whole and reaped when the reading ends,
however it ends. Both its pipes are read in turn by the one thread that waits for it, so neither
can fill while it is waited for; while nobody reads, it waits, and no memory grows. If this process
is killed, the kernel kills the child (PR_SET_PDEATHSIG, by setpriv of util-linux): the signal comes
when the *thread* that started it ends, so a child must be started and read by one thread.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import threading
import time
from types import TracebackType

from edge.base.logs import redact
from edge.capture.errors import LostError, OpenError

READ_BYTES = 1 << 16
TICK_S = 0.25  # how late a closing from another thread may be noticed
GRACE_S = 1.0  # between SIGTERM and SIGKILL
REAP_S = 2.0
STDERR_BYTES = 4096
LINE_CHARS = 200


class Child:
    """A running program. One thread: the one that makes it. A context manager."""

    def __init__(self, argv: tuple[str, ...], *, field: str, hint: str) -> None:
        """Start it. Raises OpenError naming `field`, with `hint` where it is not installed."""
        self.name = os.path.basename(argv[0])  # noqa: PTH119 - as the user wrote it, no path object
        if shutil.which(argv[0]) is None:
            raise OpenError("not_found", f"{field}: there is no program {argv[0]}", hint=hint)
        try:
            self._process = subprocess.Popen(
                [*_guarded(), *argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                process_group=0,
            )
        except (OSError, ValueError) as err:
            reason = err.strerror if isinstance(err, OSError) else "an argument has a zero byte"
            raise OpenError(
                "unsupported", f"{field}: {argv[0]} cannot be started: {reason}", hint=hint
            ) from err
        assert self._process.stdout is not None  # noqa: S101 - as asked for above
        assert self._process.stderr is not None  # noqa: S101
        self._out, self._err = self._process.stdout.fileno(), self._process.stderr.fileno()
        self._said = b""
        self._selector = selectors.DefaultSelector()
        for pipe in (self._out, self._err):
            os.set_blocking(pipe, False)
            self._selector.register(pipe, selectors.EVENT_READ)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def read(self, timeout_s: float, is_closing: threading.Event) -> bytes:
        """What it wrote next; empty at the end of its output and after a closing.

        Blocks for `timeout_s` at most, then raises LostError.
        """
        limit_s = time.monotonic() + timeout_s
        while not is_closing.is_set():
            left_s = limit_s - time.monotonic()
            if left_s <= 0:
                said = self.last_words
                raise LostError(
                    "stalled", f"{self.name} wrote nothing for {timeout_s:g} s{said}", hint=""
                )
            ready = {key.fd for key, _ in self._selector.select(min(TICK_S, left_s))}
            if self._err in ready:
                self._listen()
            if self._out in ready:
                return os.read(self._out, READ_BYTES)
            if not ready and self._is_over_within(0):
                break  # what it started holds the pipe open still
        return b""

    @property
    def last_words(self) -> str:
        """The last line it wrote to its standard error, after a colon, without secrets."""
        lines = [line.strip() for line in self._said.decode("utf-8", "replace").splitlines()]
        printable = ["".join(c for c in line if c.isprintable()) for line in lines if line]
        return f": {redact(printable[-1])[:LINE_CHARS]}" if printable else ""

    def end(self) -> str:
        """Close it after its output ended: how it ended, in words."""
        status = self.close()
        how = "hung at its end" if status is None else f"ended with status {status}"
        if status is not None and status < 0:
            how = f"was ended by {signal.Signals(-status).name}"
        return f"{self.name} {how}{self.last_words}"

    def close(self) -> int | None:
        """End the whole process group and reap it; its exit status, None if it cannot be had."""
        if self._process.returncode is None:
            is_over = self._is_over_within(TICK_S if self._is_silent() else 0)
            if not is_over:
                self._signal(signal.SIGTERM)
                self._is_over_within(GRACE_S)
            self._signal(signal.SIGKILL)  # what it started too; its zombie still holds the group
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(REAP_S)
            self._listen()
            self._selector.close()
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
        return self._process.returncode

    def _is_silent(self) -> bool:
        """Whether its output has ended, so that it is about to end too."""
        try:
            return os.read(self._out, 1) == b""
        except OSError:
            return False

    def _is_over_within(self, timeout_s: float) -> bool:
        """Wait for its end without reaping it; keeps its standard error from filling."""
        limit_s = time.monotonic() + timeout_s
        flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
        while os.waitid(os.P_PID, self._process.pid, flags) is None:
            if time.monotonic() >= limit_s:
                return False
            self._listen()
            time.sleep(0.01)
        return True

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _listen(self) -> None:
        """Take what it said; only the end is kept."""
        with contextlib.suppress(OSError):
            for _ in range(64):
                said = os.read(self._err, READ_BYTES)
                if not said:
                    with contextlib.suppress(KeyError):
                        self._selector.unregister(self._err)
                    return
                self._said = (self._said + said)[-STDERR_BYTES:]


def _guarded() -> list[str]:
    """The words before a command that have the kernel kill it when its starter is gone."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
