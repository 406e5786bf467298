"""One child process: its output in files, signals to it, and an end that is always bounded."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.base.errors import CamwatchError

STOP_TIMEOUT_S = 90.0
KILL_TIMEOUT_S = 60.0
POLL_S = 0.02
TAIL_BYTES = 4000


class HarnessError(CamwatchError):
    """A part of the harness could not do what a test asked of it."""


class Child:
    """A process that is started, watched, signalled and ended from one thread.

    `NAME.out` and `NAME.err` in `log_dir` take what it writes, appended over restarts. With
    `has_pipes` its standard input and output are pipes instead (`process.stdin`, `.stdout`).
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        log_dir: Path,
        *,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        has_pipes: bool = False,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.out_path = log_dir / f"{name}.out"
        self.err_path = log_dir / f"{name}.err"
        self._env = dict(os.environ) if env is None else dict(env)
        self._cwd = cwd
        self._has_pipes = has_pipes
        self._process: subprocess.Popen[str] | None = None

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process last started. Raises HarnessError before the first start."""
        if self._process is None:
            raise HarnessError(f"{self.name} was not started")
        return self._process

    @property
    def pid(self) -> int:
        """Of the process last started."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended; reaps it when it has."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """As the shell gives it, negative for a signal; None while it runs."""
        return self.process.poll()

    def set_variable(self, name: str, value: str | None) -> None:
        """Of its environment, from the next start on; None takes it away."""
        self._env.pop(name, None)
        if value is not None:
            self._env[name] = value

    def start(self) -> None:
        """Start it. Raises HarnessError when it still runs or cannot be executed."""
        if self.is_running:
            raise HarnessError(f"{self.name} runs already")
        self.close_pipes()
        pipe = subprocess.PIPE if self._has_pipes else None
        with self.out_path.open("ab") as out, self.err_path.open("ab") as err:
            try:
                self._process = subprocess.Popen(
                    self.argv,
                    stdin=pipe or subprocess.DEVNULL,
                    stdout=pipe or out,
                    stderr=err,
                    env=self._env,
                    cwd=self._cwd,
                    text=True,
                    encoding="utf-8",
                )
            except OSError as failure:
                raise HarnessError(f"cannot start {self.argv[0]}: {failure.strerror}") from failure

    def wait_until(self, is_ready: Callable[[], bool], timeout_s: float) -> None:
        """Until `is_ready` says so. Raises HarnessError, with the log's end, at exit or timeout."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if not self.is_running:
                raise HarnessError(f"{self.name} ended ({self.exit_status}): {self.tail()}")
            if time.monotonic() > deadline:
                raise HarnessError(f"{self.name} not ready in {timeout_s:g} s: {self.tail()}")
            time.sleep(POLL_S)

    def wait(self, timeout_s: float) -> int:
        """The exit status, once it ends by itself. Raises HarnessError at the timeout."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as err:
            raise HarnessError(f"{self.name} still runs after {timeout_s:g} s") from err

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int | None:
        """SIGTERM, and SIGKILL after `timeout_s`; the exit status, None if it never ran."""
        if self._process is None:
            return None
        if self.is_running:
            self.resume()
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self.close_pipes()
        return self._process.returncode

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process is not None and self.is_running:
            self._process.kill()
            self._process.wait(KILL_TIMEOUT_S)
        self.close_pipes()

    def pause(self) -> None:
        """SIGSTOP: alive, its sockets open, and silent."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `pause`; harmless otherwise."""
        os.kill(self.pid, signal.SIGCONT)

    def reload(self) -> None:
        """SIGHUP, on which a daemon reads its files again."""
        os.kill(self.pid, signal.SIGHUP)

    def tail(self) -> str:
        """The end of what it wrote, for a failing test's message."""
        texts = [
            path.read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace").strip()
            for path in (self.out_path, self.err_path)
            if path.exists()
        ]
        return "\n".join(text for text in texts if text) or "(it wrote nothing)"

    def close_pipes(self) -> None:
        """Close our ends, so that nothing is left open when it has ended."""
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def child_pids() -> set[int]:
    """The processes that this one started and that it has not reaped, proc(5)."""
    pids: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            pids.update(int(pid) for pid in (task / "children").read_text().split())
        except FileNotFoundError:  # the thread ended while we looked
            continue
    return pids
