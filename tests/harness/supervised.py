"""An installed node as systemd would run it: the agent from `current`, started again when it ends,
and the updates' installer from `proven`, whenever one of the two files lies there that its path
unit names. The units themselves are tried in tests/units."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from tests.harness.patience import PATIENCE_S, wait_until
from tests.harness.releases import InstalledNode

POLL_S = 0.1
RESTART_S = 0.5
STOP_S = 30.0


class SupervisedNode(InstalledNode):
    """From `start` to `stop`. `log` collects what agent and installer say."""

    def __init__(self, root: Path, borrowed: Path, config: Path, state_dir: Path) -> None:
        super().__init__(root, borrowed)
        self.config = config
        self.state_dir = state_dir
        self.log_path = root / "log"
        self.terms = ("--hold-s", "5", "--limit-s", str(PATIENCE_S), "--silent-s", "20")
        self.installer_env: dict[str, str] = {}
        self._wish = root / "restart-wish"
        self._stop = threading.Event()
        self._agent: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []

    @property
    def log(self) -> str:
        """All that was said so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self) -> None:
        """Both units on."""
        self._wish.touch()
        for body in (self._keep_agent, self._watch_paths):
            thread = threading.Thread(target=body)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Both off; safe to call again."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _keep_agent(self) -> None:
        while not self._stop.is_set():
            wished_ns = self._wish.stat().st_mtime_ns
            agent = self._run("current", "run", "--config", str(self.config))
            self._agent = agent
            while agent.poll() is None and not self._stop.wait(POLL_S):
                if self._wish.stat().st_mtime_ns != wished_ns:
                    break
            self._end(agent)
            self._stop.wait(RESTART_S)

    def _watch_paths(self) -> None:
        wanted = (self.state_dir / "update/ready", self.root / "var/lib/camwatch-update/trial")
        while not self._stop.wait(POLL_S):
            if not any(path.exists() for path in wanted):
                continue
            installer = self._run(
                "proven", "update", "run", "--config", str(self.config), "--restart-with",
                f"touch {self._wish}", *self.terms, **self.installer_env,
            )  # fmt: skip
            while installer.poll() is None and not self._stop.wait(POLL_S):
                pass
            self._end(installer)

    def _run(self, link: str, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
        env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                [self.software / link / "bin/camwatch-edge", *arguments], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, env=env | more, cwd="/",
            )  # fmt: skip

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def wait(self, is_done: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
        """Until `is_done`; fails the test with the log's end."""
        wait_until(is_done, timeout_s, lambda: f"{what}\n{self.log[-6000:]}", poll_s=POLL_S)
