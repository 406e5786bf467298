"""What of the hub's settings must survive a crash: one file, replaced whole with every change.

Invariants
- `good` ran well and is what the node goes back to; None is edge.yaml alone. It changes only when
  a trial was passed.
- A version is in `trial`, durably, before anything of it is in effect; so whatever it does to the
  agent, the next start knows of it.
- `seen` never falls, and what is in `failure` is never tried again.
- What is to be said in the journal stands in `untold` until it is there.
The next start after a trial that did not end: the agent died by itself in the same boot, so the
version is blamed; the whole node went down, so it is tried once more, and once only.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge.base import durable, schema, strictjson
from edge.base.clock import Clock
from edge.base.errors import CamwatchError, StorageError, storage_error
from edge.base.schema import item
from edge.contract import names
from edge.contract.applied import Failure
from edge.contract.record import ConfigApplied

log = logging.getLogger(__name__)

FILE = "settings.json"
VERSION = 1
MAX_BYTES = 512 * 1024
MAX_BOOTS = 2  # in which one version may be tried
MAX_UNTOLD = 32
TRIAL_S = 115.0  # from a version's arrival until it is good or taken back


@dataclass(frozen=True)
class Version:
    """A version of the hub's settings, checked."""

    version: int = item("the hub's number", min=1, max=names.MAX_SEQ)
    sha256: str = item("of the document", pattern=names.HASH_PATTERN)
    settings: dict[str, object] = item("what it sets")


@dataclass(frozen=True)
class State:
    """All that is kept."""

    v: int = item("form of this file", VERSION, min=VERSION, max=VERSION)
    seen: int = item("the highest version that came", 0, min=0, max=names.MAX_SEQ)
    seen_sha256: str | None = item("of that one", None)
    at_utc: datetime | None = item("when what is in effect came to be so", None)
    good: Version | None = item("what to go back to", None)
    trial: Version | None = item("what is tried", None)
    is_switched: bool = item("whether the trial is in effect", False)
    judged: tuple[str, ...] = item("cameras whose streams the trial must not lose", ())
    boot: str | None = item("in which the trial runs", None)
    until_ns: int = item("monotonic time of that boot at which it must be over", 0)
    boots: int = item("in which it was tried", 0)
    is_running: bool = item("whether a run has not ended in good order", False)
    failure: Failure | None = item("the newest version that is not in effect", None)
    untold: tuple[ConfigApplied, ...] = item("not in the journal yet", (), max_items=MAX_UNTOLD)

    @property
    def in_effect(self) -> Version | None:
        """What runs, or is to run after a start."""
        return self.trial if self.trial is not None and self.is_switched else self.good


class Store:
    """The file. For one thread at a time; what changes it raises StorageError but for `begin_run`
    and `end_run`."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._path = state_dir / FILE
        self._clock = clock
        self.state = _read(self._path)

    def begin_run(self) -> None:
        """The agent starts: judge what became of a trial that did not end.

        On a disk that takes nothing the node must run all the same: with what was good.
        """
        try:
            self._judge_last_run()
        except StorageError as err:
            log.error("what became of the hub's settings is not written down: %s", err)
            self.state = dataclasses.replace(self.state, trial=None, is_switched=False)

    def _judge_last_run(self) -> None:
        state = self.state
        if state.trial is None:
            return
        if state.boot == self._clock.boot and state.is_running:
            self.fail(
                state.trial, "crash",
                "the agent ended without a word while it was tried: it crashed, was killed, or ran"
                " out of memory",
            )  # fmt: skip
            return
        boots = state.boots + (state.boot != self._clock.boot)
        if boots > MAX_BOOTS:
            self.fail(state.trial, "crash", "the node went down each time that it was tried")
            return
        self.put(boot=self._clock.boot, until_ns=self._limit_ns(), boots=boots, is_running=True)

    def end_run(self) -> None:
        """The agent ends in good order."""
        if self.state.trial is None:
            return
        try:
            self.put(is_running=False)
        except StorageError as err:  # the next start takes it for a crash, which is the safe side
            log.error("%s", err)

    def try_out(self, version: Version, judged: tuple[str, ...]) -> None:
        """A version arrived and is good by itself: what becomes of it is known after the trial."""
        self.put(
            seen=version.version, seen_sha256=version.sha256, trial=version, is_switched=False,
            judged=judged, boot=self._clock.boot, until_ns=self._limit_ns(), boots=1,
            is_running=True,
        )  # fmt: skip

    def switch(self, judged: tuple[str, ...]) -> None:
        """What is tried comes into effect next."""
        trial = self.state.trial
        if trial is not None:
            told = ConfigApplied(trial.version, "applied", trial.version, sha256=trial.sha256)
            self.put(
                is_switched=True, judged=judged, at_utc=self._clock.utc(),
                untold=(*self.state.untold, told)[-MAX_UNTOLD:],
            )  # fmt: skip

    def pass_trial(self) -> None:
        """What was tried is good."""
        self.put(good=self.state.trial, trial=None, is_switched=False, judged=(), boots=0)

    def fail(self, version: Version, reason: str, detail: str) -> None:
        """What was tried is taken back."""
        self.refuse(
            Failure(
                version.version, "rolled_back", reason, names.shorten(detail, 300),
                self._clock.utc(),
            ),
            version.sha256,
            trial=None, is_switched=False, judged=(), boots=0,
            at_utc=self._clock.utc() if self.state.is_switched else self.state.at_utc,
        )  # fmt: skip

    def refuse(self, failure: Failure, sha256: str | None, **more: object) -> None:
        """A version does not come into effect, or not any more."""
        left = dataclasses.replace(self.state, **more).in_effect  # type: ignore[arg-type]
        told = ConfigApplied(
            failure.version, failure.outcome, 0 if left is None else left.version, sha256=sha256,
            reason=failure.reason, detail=names.shorten(failure.detail, names.MAX_DETAIL_CHARS),
        )  # fmt: skip
        self.put(failure=failure, untold=(*self.state.untold, told)[-MAX_UNTOLD:], **more)
        log.warning("settings %d %s: %s", failure.version, failure.outcome, failure.detail)

    def tell(self, append: Callable[[ConfigApplied], object]) -> None:
        """Say in the journal what is not there yet."""
        while self.state.untold:
            try:
                append(self.state.untold[0])
            except StorageError:
                return  # the journal's own problem; it is tried again
            self.put(untold=self.state.untold[1:])

    def put(self, **values: object) -> None:
        """Change the state, durably."""
        state = dataclasses.replace(self.state, **values)  # type: ignore[arg-type]
        durable.write_file(self._path, strictjson.dumps(schema.dump(state)))
        self.state = state

    def _limit_ns(self) -> int:
        return self._clock.mono_ns() + round(TRIAL_S * 1e9)


def read(state_dir: Path) -> State:
    """The state as another process may look at it. Raises StorageError."""
    return _read(state_dir / FILE)


def _read(path: Path) -> State:
    """A file that cannot be understood counts for nothing: the hub sends its newest version
    again."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return State()
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err
    try:
        value = strictjson.loads(data, max_bytes=MAX_BYTES)
        return schema.load(State, value, unknown="ignore")
    except (ValueError, CamwatchError) as err:
        log.error("%s is damaged, the hub's settings are taken anew: %s", path, err)
        return State()
