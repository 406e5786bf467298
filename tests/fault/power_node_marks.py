"""What a node promises while it lives, and what is left of it to be kept: values only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.fault.power_tap import DiskFailed


@dataclass(frozen=True)
class KeyMade:
    """The node's key was handed out."""

    public: bytes


@dataclass(frozen=True)
class Appended:
    """`append` returned."""

    epoch: str
    seq: int
    payload: bytes

    @property
    def body(self) -> dict[str, object]:
        """What the record says."""
        value: dict[str, object] = json.loads(self.payload)
        return value


@dataclass(frozen=True)
class Flushed:
    """What the recorder has written of an open clip counts as safe."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Acking:
    """The hub says that it has this; the node is about to be told."""

    upto: int
    also: tuple[int, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dropping:
    """The quota asks for this file."""

    name: str


@dataclass
class Promised:
    """All marks up to a moment, summed up."""

    public: bytes | None = None
    records: dict[tuple[str, int], Appended] = field(default_factory=dict)
    epoch: str | None = None
    acked: int = 0
    also: set[int] = field(default_factory=set)
    freed: set[str] = field(default_factory=set)
    flushed: dict[str, bytes] = field(default_factory=dict)
    has_disk_failed: bool = False

    def is_acked(self, seq: int) -> bool:
        """Whether the hub said that it has it."""
        return seq <= self.acked or seq in self.also

    @classmethod
    def of(cls, marks: list[object]) -> Promised:
        """Sum up."""
        promised = cls()
        for mark in marks:
            match mark:
                case KeyMade(public):
                    promised.public = public
                case Appended(epoch, seq, _):
                    promised.epoch = epoch
                    promised.records[epoch, seq] = mark
                case DiskFailed():
                    promised.has_disk_failed = True
                case Flushed(name, content):
                    promised.flushed[name] = content
                case Acking(upto, also, files):
                    promised.acked = max(promised.acked, upto)
                    promised.also |= set(also)
                    promised.freed |= set(files)
                case Dropping(name):
                    promised.freed.add(name)
        return promised
