"""An installed node whose versions are stand-ins, and an agent that says how it is doing.

The installer, its folders, links, signatures and processes are real. A stand-in version is an
environment whose `camwatch-edge` answers the self-test and nothing else; how it would run as the
agent, a thread here plays by what `current` names.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge import __version__
from edge.base.clock import SystemClock
from edge.contract import names, update
from edge.keys import PrivateKey, load_or_make
from edge.outbox.tables import MIGRATIONS, USABLE_FROM
from edge.update import build, inbox, links, pulse
from edge.update.inbox import Inbox, SignedOrder
from edge.update.layout import Layout
from edge.update.pulse import CameraPulse, Pulse
from tests.harness import releases
from tests.harness.patience import PATIENCE_S
from tests.harness.releases import ARCH, InstalledNode, Made

NODE = "gate-3"
BEAT_S = 0.05
TERMS = ("--hold-s", "0.6", "--limit-s", "4", "--silent-s", "3")
# The installer's steps at which tests kill it: while it builds, on trial, on the way back.
BEFORE = ("update.copied", "update.unpacked", "update.venv", "update.wheels", "update.built")
TRIED = (
    "update.tested", "update.trial", "update.switched", "update.restarted", "update.good",
    "update.proven",
)  # fmt: skip
BACK = ("update.returning", "update.returned", "update.back")
WELL: dict[str, object] = {"has_journal": True, "is_heard": True, "is_connected": True}
SELF_TEST = """#!/bin/sh
echo '{"version": "%s", "journal": %d, "journal_usable_from": %d}'
"""


class Rig(InstalledNode):
    """The node, its hub's key and its release maker's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "root", folder / "borrowed")
        self.folder = folder
        self.layout = Layout(self.root)
        self.maker = load_or_make(folder / "maker.key")
        self.hub = load_or_make(folder / "hub.key")
        self.state_dir = folder / "state"
        self.state_dir.mkdir()
        self.inbox = Inbox(self.state_dir / "update")
        self.restarts = folder / "restarts"
        self.restarts.touch()
        (folder / "hub.pub").write_text(self.hub.public.text)
        self.config = releases.write_settings(folder / "edge.yaml", self._settings())
        self.trust(self.maker)

    def _settings(self) -> dict[str, object]:
        return {
            "node": NODE, "state_dir": str(self.state_dir),
            "hub": {
                "mqtt": {"host": "127.0.0.1", "port": 1}, "upload_url": "http://127.0.0.1:9",
                "secret_file": "/nowhere", "public_key_file": str(self.folder / "hub.pub"),
            },
            "cameras": [{"name": "gate", "source": "synthetic:"}],
        }  # fmt: skip

    def release(self, version: str, **more: object) -> Made:
        """A signed release whose bundle is no tar."""
        return self.release_of(version, b"x" * 1000, **more)

    def release_of(self, version: str, data: bytes, **more: object) -> Made:
        """A signed release whose bundle is `data`."""
        path = self.folder / f"{version}.tar"
        path.write_bytes(data)
        return releases.sign(self.maker, version, {ARCH: path}, **more)

    def stand_in(
        self, made: Made, *, journal: int = len(MIGRATIONS), usable_from: int = USABLE_FROM,
        script: str | None = None,
    ) -> None:  # fmt: skip
        """As if that release's bundle had been built already."""
        version = made.release.version
        target = self.layout.versions / version
        (target / "bin").mkdir(parents=True)
        command = target / "bin/camwatch-edge"
        command.write_text(script or SELF_TEST % (version, journal, usable_from))
        command.chmod(0o755)
        (target / build.MARK).write_text(f"bundle {made.release.bundles[0].sha256}\n")

    def be_hub(self) -> None:
        """As if a hub had been installed here too."""
        self.layout.hub_role.parent.mkdir()
        self.layout.hub_role.touch()

    def order(self, made: Made | None, number: int = 1, **more: object) -> SignedOrder:
        """What the hub says, signed."""
        said: dict[str, object] = {"v": names.VERSION, "node": NODE, "number": number}
        if made is not None:
            said |= {
                "manifest": made.manifest.decode(),
                "signature": base64.b64encode(made.signature).decode(),
            }
        payload = update.encode_order(update.UpdateOrder(**(said | more)))  # type: ignore[arg-type]
        return SignedOrder(payload, self.hub.sign(payload))

    def hand_over(self, order: SignedOrder, bundle: bytes | None = None) -> None:
        """What the agent does once it has fetched everything."""
        self.inbox.put_order(order)
        if bundle is not None:
            (self.inbox.folder / inbox.BUNDLE).write_bytes(bundle)
        self.inbox.hand_over()

    def offer(self, made: Made, number: int = 1, **more: object) -> None:
        """Order and bundle, handed over."""
        (path,) = made.bundles.values()
        self.hand_over(self.order(made, number, **more), path.read_bytes())

    def run(
        self, *, crash_at: str = "", boot: str = "", action: tuple[str, ...] = ("run",)
    ) -> subprocess.CompletedProcess[str]:
        """The installer as its unit runs it, from the proven version."""
        restart = f"sh -c 'echo >> {self.restarts}'"
        env = dict(os.environ) | {"CAMWATCH_CRASH_AT": crash_at} if crash_at else dict(os.environ)
        if boot:
            env["CAMWATCH_BOOT_ID"] = boot
        return subprocess.run(
            [self.software / "proven/bin/camwatch-edge", "update", *action, "--config",
             str(self.config), "--restart-with", restart, *TERMS],
            env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def end_trial(self) -> str:
        """As install-node does; what it says."""
        done = subprocess.run(
            [self.layout.versions / FIRST / "bin/camwatch-edge", "update", "end-trial"],
            capture_output=True, text=True, timeout=PATIENCE_S, check=True,
        )  # fmt: skip
        return done.stdout

    def install_on_site(self, version: str) -> None:
        """As install-node does: both links name that version, whose installer is ours."""
        shutil.copytree(self.layout.versions / FIRST, self.layout.versions / version, symlinks=True)
        for link in (self.layout.current, self.layout.proven):
            links.point(self.layout, link, version)

    def restarted(self) -> int:
        """How often the agent was started anew."""
        return len(self.restarts.read_text().splitlines())

    @contextlib.contextmanager
    def agent(self, behaviour: Mapping[str, Mapping[str, object]] | None = None) -> Iterator[None]:
        """The agent while the block runs: well, but as `behaviour` says under a version. `None` for
        a version means that it never comes to life."""
        stop = threading.Event()
        thread = threading.Thread(target=self._play, args=(dict(behaviour or {}), stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _play(self, behaviour: Mapping[str, Mapping[str, object]], stop: threading.Event) -> None:
        clock, looked, restarts, version, run = SystemClock(), 0, -1, "", ""
        while not stop.wait(BEAT_S):
            if restarts != self.restarted():
                restarts, version, run = self.restarted(), self.version(), secrets.token_hex(8)
            now = WELL | dict(behaviour.get(version, {}))
            if now.get("is_dead"):
                continue
            looked += int(not now.get("is_blind"))
            camera = CameraPulse(bool(now["is_connected"]), looked)
            run = secrets.token_hex(8) if now.get("is_crashing") else run
            pulse.write(
                self.layout.runtime,
                Pulse(version, run, clock.mono_ns(), bool(now["has_journal"]),
                      bool(now["is_heard"]), {"gate": camera}),
            )  # fmt: skip


def said(progress: Mapping[str, object]) -> tuple[object, object]:
    """Stage and reason."""
    return progress.get("stage"), progress.get("reason")


def dummy(version: str, script: str | None = None) -> dict[str, bytes]:
    """What a bundle of a stand-in holds."""
    body = (
        script
        or f"""
import json
def main():
    print(json.dumps({{"version": "{version}", "journal": {len(MIGRATIONS)},
                      "journal_usable_from": {USABLE_FROM}}}))
"""
    )
    own = releases.wheel(
        "camwatch", version, {"stand_in.py": body.encode()}, scripts="camwatch-edge = stand_in:main"
    )
    return {
        f"wheels/camwatch-{version}-py3-none-any.whl": own,
        "requirements/node.txt": b"",
        "MANIFEST": json.dumps({"version": version}).encode(),
    }


FIRST = __version__
__all__ = ["FIRST", "NODE", "PrivateKey", "Rig", "dummy", "said"]
