"""How the agent is, said to the installer through a file in memory; what of it counts as well."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge.base import schema, strictjson
from edge.base.schema import item

FILE = "pulse.json"
MAX_BYTES = 16 * 1024
MODE = 0o644
FRESH_S = 20.0  # it is written every few seconds


@dataclass(frozen=True)
class CameraPulse:
    """One camera."""

    is_connected: bool = item("packets arrive")
    looked: int = item("frames looked at so far in this run", min=0)
    is_armed: bool = item("frames are to be looked at now", True)


@dataclass(frozen=True)
class Pulse:
    """The agent at one moment."""

    version: str = item("that runs")
    run: str = item("of this start of the agent, random")
    mono_ns: int = item("when it was written, nanoseconds since boot")
    has_journal: bool = item("the journal takes what is written")
    is_heard: bool = item("the hub acknowledged something in this run, and the line to it stands")
    cameras: dict[str, CameraPulse] = item("by name", dict)


def write(folder: Path, pulse: Pulse) -> None:
    """Replace the file. It need not survive anything, so nothing is flushed. Raises OSError."""
    part = folder / f"{FILE}.part"
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    with os.fdopen(fd, "wb") as file:
        file.write(strictjson.dumps(schema.dump(pulse)))
    part.replace(folder / FILE)


def read(folder: Path, now_ns: int) -> Pulse | None:
    """The agent's pulse, or None where there is none that is fresh."""
    try:
        fd = os.open(folder / FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            value = strictjson.loads(file.read(MAX_BYTES), max_bytes=MAX_BYTES)
        found = schema.load(Pulse, value, unknown="ignore")
    except (OSError, ValueError, schema.SchemaError):
        return None
    return found if 0 <= now_ns - found.mono_ns <= FRESH_S * 1e9 else None


@dataclass(frozen=True)
class Duties:
    """What the version before did, and the one on trial has to do as well."""

    cameras: tuple[str, ...] = ()
    """That sent packets."""
    looked_at: tuple[str, ...] = ()
    """Of which frames were looked at; asked for only while the camera is armed."""

    @classmethod
    def of(cls, before: Pulse | None) -> Duties:
        """Those that `before` shows; none of a version that was not alive."""
        cameras: Mapping[str, CameraPulse] = {} if before is None else before.cameras
        names = sorted(name for name, each in cameras.items() if each.is_connected)
        return cls(tuple(names), tuple(name for name in names if cameras[name].looked))


@dataclass
class Watch:
    """Judges the pulses of a version on trial, one after the other."""

    version: str
    duties: Duties
    hold_s: float
    limit_s: float
    silent_s: float
    start_ns: int
    max_runs: int = 4
    _good_since_ns: int | None = None
    _looked: dict[str, int] = field(default_factory=dict)
    _runs: list[str] = field(default_factory=list)
    _last: str = "no_sign_of_life"

    def take(self, pulse: Pulse | None, now_ns: int) -> str | None:
        """`good`, a reason to return of the contract, or None while it is not decided."""
        wrong = self._wrong(pulse)
        if pulse is not None and pulse.version == self.version and pulse.run not in self._runs:
            self._runs.append(pulse.run)
            self._good_since_ns = None
        if len(self._runs) > self.max_runs:
            return "unsteady"
        if wrong or pulse is None:
            self._good_since_ns = None
            self._last = wrong
            return self._late(now_ns)
        if self._good_since_ns is None:
            self._good_since_ns = now_ns
            self._looked = {name: pulse.cameras[name].looked for name in self.duties.looked_at}
        if now_ns - self._good_since_ns < self.hold_s * 1e9:
            return self._late(now_ns, "unsteady")
        shown = {name: pulse.cameras[name] for name in self._looked}
        if any(each.is_armed and each.looked <= self._looked[name] for name, each in shown.items()):
            self._last = "no_packets"
            return self._late(now_ns)
        return "good"

    def _late(self, now_ns: int, reason: str = "") -> str | None:
        since_s = (now_ns - self.start_ns) / 1e9
        if since_s > self.silent_s and not self._runs:
            return "no_sign_of_life"
        return (reason or self._last) if since_s > self.limit_s else None

    def _wrong(self, pulse: Pulse | None) -> str:
        """What is not well; empty where all is."""
        if pulse is None or pulse.version != self.version:
            return "no_sign_of_life"
        if not pulse.has_journal:
            return "journal"
        for name in self.duties.cameras:
            camera = pulse.cameras.get(name)
            if camera is None or not camera.is_connected:
                return "no_packets"
            if name in self.duties.looked_at and camera.is_armed and not camera.looked:
                return "no_packets"
        return "" if pulse.is_heard else "no_hub"
