"""Holds the child process with the model: starts it, asks it with a deadline, ends it.

One thread owns it. Whatever the child does, no call here takes longer than it was given: both pipes
are read and written without blocking, and a child that is late is killed. What it says is checked
like anything from outside.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

from edge.base import schema
from edge.base.schema import SchemaError
from edge.classify.errors import ModelError
from edge.classify.messages import Answer, Loaded, Order, Refusal
from edge.config.classify import ClassifySettings
from edge.contract import names

START_TIMEOUT_S = 60.0  # libraries and model from a slow card, on a Pi Zero
REAP_S = 2.0
READ_BYTES = 1 << 16
HERE = Path(__file__).parents[2]  # where the package `edge` lies
MAX_LINE_BYTES = 64 * 1024
LAST_WORDS_CHARS = 200
# Of systemd.exec(5): what speaks for the node, or leads to what is its own.
PRIVATE = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY")


class ModelProcess:
    """A child with the model of `settings`, which has so many classes. One thread; `kill`: any."""

    def __init__(self, settings: ClassifySettings, classes: int) -> None:
        """Start it. Raises ModelError."""
        self._settings = settings
        self.classes = classes
        self._said, self._errors = b"", b""
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "edge.classify.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                env=_environment(), process_group=0,
            )  # fmt: skip
        except OSError as err:
            raise _failed(f"no process can be started: {err.strerror}") from err
        assert self._child.stdin and self._child.stdout and self._child.stderr  # noqa: S101 - as asked for
        self._in, self._out = self._child.stdin.fileno(), self._child.stdout.fileno()
        self._err = self._child.stderr.fileno()
        for pipe in (self._in, self._out, self._err):
            os.set_blocking(pipe, False)

    def load(self) -> Loaded:
        """Wait until the model is loaded. Blocks. Raises ModelError, and is closed then."""
        try:
            self.loaded = self._introduce()
        except ModelError:
            self.close()
            raise
        return self.loaded

    def look(self, picture: bytes) -> Answer:
        """Show it a picture of the settings' size. Raises ModelError, and is closed then."""
        try:
            line = self._ask(picture, self._settings.look_timeout_s)
            return schema.load(Answer, json.loads(line), unknown="ignore")
        except (ValueError, SchemaError) as err:
            self.close()
            raise _failed("it answers what nobody can read") from err
        except ModelError:
            self.close()
            raise

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._child.poll() is None

    def kill(self) -> None:
        """End it now, and whatever it started; whoever waits for it is told so."""
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it and free what it held."""
        if self._child.returncode is None:
            self.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(REAP_S)
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _introduce(self) -> Loaded:
        settings = self._settings
        order = Order(
            model=settings.model or "",
            side_px=settings.input_px,
            classes=self.classes,
            kind=settings.kind,
            min_confidence=settings.min_confidence,
            memory_bytes=settings.memory_bytes,
            parent=os.getpid(),
        )
        line = self._ask(json.dumps(schema.dump(order)).encode() + b"\n", START_TIMEOUT_S)
        try:
            value = json.loads(line)
            if isinstance(value, dict) and "message" in value:
                refusal = schema.load(Refusal, value, unknown="ignore")
                raise ModelError(refusal.field, refusal.message, hint=refusal.hint)
            return schema.load(Loaded, value, unknown="ignore")
        except (ValueError, SchemaError) as err:
            raise _failed("it answers what nobody can read") from err

    def _ask(self, data: bytes, timeout_s: float) -> bytes:
        """Write all of `data` and read a line, within the time. Raises ModelError."""
        limit_s = time.monotonic() + timeout_s
        rest = memoryview(data)
        with selectors.DefaultSelector() as selector:
            selector.register(self._in, selectors.EVENT_WRITE)
            for pipe in (self._out, self._err):
                selector.register(pipe, selectors.EVENT_READ)
            while b"\n" not in self._said:
                left_s = limit_s - time.monotonic()
                if left_s <= 0:
                    raise _failed(f"it did not answer within {timeout_s:g} s", self._last_words)
                ready = {key.fd for key, _ in selector.select(left_s)}
                if self._in in ready:
                    rest = self._write(rest)
                    if not rest:
                        selector.unregister(self._in)
                if self._err in ready and not self._listen():
                    selector.unregister(self._err)
                if self._out in ready:
                    self._hear()
        line, _, self._said = self._said.partition(b"\n")
        return line

    def _write(self, rest: memoryview) -> memoryview:
        try:
            return rest[os.write(self._in, rest) :]
        except BlockingIOError:
            return rest
        except OSError:  # it is gone: its standard output says so too
            return memoryview(b"")

    def _hear(self) -> None:
        data = os.read(self._out, READ_BYTES)
        if not data:
            self._listen()
            raise _failed(f"it ended{self._how()}", self._last_words)
        self._said += data
        if len(self._said) > MAX_LINE_BYTES:
            raise _failed("it answers what nobody can read")

    def _listen(self) -> bool:
        """Take what it complains of; false at the end of that."""
        try:
            data = os.read(self._err, READ_BYTES)
        except OSError:
            return True
        self._errors = (self._errors + data)[-4096:]
        return bool(data)

    def _how(self) -> str:
        try:
            status = self._child.wait(REAP_S)
        except subprocess.TimeoutExpired:
            return ""
        return f" by signal {-status}" if status < 0 else f" with status {status}"

    @property
    def _last_words(self) -> str:
        lines = [line for line in self._errors.decode("utf-8", "replace").splitlines() if line]
        return names.shorten(lines[-1], LAST_WORDS_CHARS) if lines else ""


def _environment() -> dict[str, str]:
    """Nothing by which it could speak for the node, and no threads of libraries' own."""
    kept = {name: value for name, value in os.environ.items() if name not in PRIVATE}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE), kept.get("PYTHONPATH"))))
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "ERROR"}


def _failed(message: str, last_words: str = "") -> ModelError:
    said = f": {last_words}" if last_words else ""
    return ModelError(
        "classify.model", f"its process: {message}{said}", is_retryable=True,
        hint="try it with `camwatch-edge check-model`; a smaller model may fit this board",
    )  # fmt: skip
