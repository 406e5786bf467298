"""The thread named settings: takes what the hub wants, tries it, keeps it or takes it back.

A version goes through these phases, each of which the disk knows (see `store`):
- settle: streams that it will make anew are waited for, so that it is known which live
- rehearse: their new addresses are opened beside the old streams; one that does not answer ends it
  here, with nothing lost
- switch: each camera takes its settings once no event of it runs, or after QUIET_S
- watch: see `trial`. Then it is good, or the one before is put back.
A newer version that arrives meanwhile takes its place; what was good stays what to go back to.

Schedules are looked at once a second by the wall clock of the node's zone. While nobody can say
what time it is, the cameras are on the safe side.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import socket
import threading
import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.base.schema import SchemaError
from edge.base.zone import system_zone
from edge.camera.camera import Camera, needs_restart
from edge.config import overlay
from edge.config.camera import CameraSettings
from edge.config.node import NodeSettings
from edge.contract import names, schedule, wanted
from edge.contract.applied import Failure
from edge.contract.errors import ContractError
from edge.contract.parts import ClockState
from edge.contract.record import ConfigApplied
from edge.contract.settings import Plain
from edge.keys import PublicKey
from edge.settings import report
from edge.settings.rehearsal import NETWORKED, Rehearsal
from edge.settings.store import State, Store, Version
from edge.settings.trial import Watch
from edge.uplink.session import Inbound

log = logging.getLogger(__name__)

TICK_S = 1.0
SETTLE_S = 20.0  # for streams that are connecting, before it is known which live
QUIET_S = 20.0  # for an event to end before its camera takes other settings
PROBE_S = 3.0


class Cameras(Protocol):
    """The node's cameras: `edge.camera.fleet.Fleet`. See there."""

    @property
    def by_name(self) -> Mapping[str, Camera]:
        """Those that run now."""

    @property
    def settings(self) -> Mapping[str, CameraSettings]:
        """What each runs with."""

    def change(self, settings: Sequence[CameraSettings], *, why: str, within_s: float) -> None:
        """Give some of them other settings."""


class Link(Protocol):
    """The way to the hub, as far as it matters here."""

    @property
    def is_online(self) -> bool:
        """Whether it stands."""

    def next_wish(self) -> Inbound | None:
        """What came on config/wanted."""

    def say(self, payload: bytes) -> None:
        """Publish config/applied, signed and retained."""


class Keeper:
    """Made by the agent; `run` is the thread's body."""

    def __init__(
        self,
        base: NodeSettings,
        store: Store,
        *,
        clock: Clock,
        clock_state: Callable[[], ClockState],
        hub_key: PublicKey,
        cameras: Cameras,
        link: Link,
        append: Callable[[ConfigApplied], object],
        set_log_level: Callable[[str], None],
    ) -> None:
        """`base` is what edge.yaml says alone."""
        self._base = base
        self._store = store
        self._clock = clock
        self._clock_state = clock_state
        self._hub_key = hub_key
        self._cameras = cameras
        self._link = link
        self._append = append
        self._set_log_level = set_log_level
        self._stop = threading.Event()
        self._now, self._plain = in_effect(base, store, clock)
        set_log_level(self._now.log_level)
        self._next: NodeSettings | None = None
        self._settled_ns: int | None = None
        self._waiting: Inbound | None = None
        self._rehearsals: list[Rehearsal] | None = None
        self._lived: set[str] = set()  # cameras whose streams lived while the trial went on
        self._watch: Watch | None = None
        self._alarm: Failure | None = None  # about a message, not about a version of the hub's
        self._said: tuple[State, NodeSettings, Failure | None] | None = None
        self._started_ns = clock.mono_ns()
        self.problem = ""
        self._resume()

    def run(self) -> None:
        """Until `stop`."""
        self.tell()
        while not self._stop.wait(TICK_S):
            self.run_once()

    def run_once(self) -> None:
        """One turn: what came, how the trial goes, what the schedules say."""
        try:
            self._turn()
        except StorageError as err:
            problem = f"settings: the disk does not take them: {err}"
            if problem != self.problem:
                log.error("%s", problem)
            self.problem = problem
        except Exception as err:  # a version must not take the thread with it
            log.exception("settings: a turn failed")
            self._waiting = None
            with contextlib.suppress(StorageError):
                self._give_up("failed", f"the node failed at it: {error_chain(err)}")

    def stop(self) -> None:
        """End `run` soon."""
        self._stop.set()

    def tell(self) -> None:
        """Say what holds, where that is news."""
        what = self._store.state, self._now, self._alarm
        if self._said is not None and all(a is b for a, b in zip(what, self._said, strict=True)):
            return  # to put it together costs too much to be done each second
        failure = self._alarm or self._store.state.failure
        self._link.say(
            report.applied_of(self._store.state, self._now, self._plain, failure, self._clock.utc())
        )
        self._said = what

    def _turn(self) -> None:
        while (inbound := self._waiting or self._link.next_wish()) is not None:
            self._waiting = inbound  # where the disk does not take it, it is considered again
            self._consider(inbound)
            self._waiting = None
        if self._store.state.trial is not None:
            self._advance()
        self._keep_schedules()
        self._store.tell(self._append)
        self.tell()

    # What comes.

    def _consider(self, inbound: Inbound) -> None:
        """Take it, or say why not. Only what the hub signed for this node counts as a version."""
        try:
            document, version = self._read(inbound)
        except ContractError as err:
            self._alarm = report.refusal(0, err.reason, str(err), self._clock.utc())
            log.warning("settings refused: %s", err)
            return
        state = self._store.state
        if version.version == state.seen and version.sha256 == state.seen_sha256:
            return  # retained, so it comes with each connection
        if version.version <= state.seen:
            is_older = version.version < state.seen
            self._alarm = report.refusal(
                version.version, "older" if is_older else "conflict",
                f"version {state.seen} came before; a lower one is not taken" if is_older
                else "another document of that version came before", self._clock.utc(),
            )  # fmt: skip
            log.warning("settings %d refused: %s", version.version, self._alarm.detail)
            return
        self._alarm = None
        self._try_out(document, version)

    def _read(self, inbound: Inbound) -> tuple[wanted.Wanted, Version]:
        payload = inbound.payload
        if len(payload) > names.MAX_WANTED_BYTES:
            raise ContractError(
                "too_large", f"more than {names.MAX_WANTED_BYTES} bytes; fewer zones or points"
            )
        if not self._hub_key.verify(payload, inbound.signature):
            raise ContractError("signature", "the hub's key did not sign it")
        try:
            document = wanted.decode(payload)
        except ContractError as err:
            raise ContractError("malformed", str(err)) from err
        if document.node != self._base.node:
            raise ContractError("node", f"it is for {document.node}")
        sha256 = hashlib.sha256(payload).hexdigest()
        return document, Version(document.version, sha256, document.settings)

    def _try_out(self, document: wanted.Wanted, version: Version) -> None:
        try:
            following, plain = report.laid(self._base, version)
        except SchemaError as err:
            failure = report.refusal(
                version.version, "invalid", report.fields_text(err), self._clock.utc(),
                err.problems,
            )  # fmt: skip
            self._store.refuse(
                failure, version.sha256, seen=version.version, seen_sha256=version.sha256
            )
            return
        log.info("settings %d of %s: trying", version.version, document.user)
        self._leave_trial()
        self._store.try_out(Version(version.version, version.sha256, plain), ())
        self._next = following
        self._settled_ns = self._clock.mono_ns()

    # The trial.

    def _resume(self) -> None:
        """Go on with a trial that the last run of the agent left."""
        trial = self._store.state.trial
        if trial is None:
            return
        try:
            self._next, _ = report.laid(self._base, trial)
        except SchemaError as err:
            detail = f"edge.yaml was changed, and it does not fit: {report.fields_text(err)}"
            with contextlib.suppress(StorageError):  # the next turn gives it up
                self._store.fail(trial, "invalid", detail)
            return
        if self._store.state.is_switched:
            self._begin_watch(frozenset(self._store.state.judged), had_link=self._link.is_online)
        else:
            self._settled_ns = self._clock.mono_ns()

    def _leave_trial(self) -> None:
        """What is tried now does not matter any more; cameras change once, to what comes next."""
        for each in self._rehearsals or ():
            each.stop()
        self._rehearsals = self._watch = self._next = None
        self._lived.clear()

    def _advance(self) -> None:
        state = self._store.state
        if self._watch is not None:
            self._look(self._watch)
        elif self._clock.mono_ns() > state.until_ns:
            self._give_up("untried", "neither the old stream nor the new one could be had")
        elif self._rehearsals is not None:
            self._rehearse(self._rehearsals)
        elif self._is_settled():
            self._begin_rehearsal()

    @property
    def _restarting(self) -> dict[str, CameraSettings]:
        """The cameras whose streams the version makes anew."""
        now = self._cameras.settings
        following = {} if self._next is None else {each.name: each for each in self._next.cameras}
        return {name: each for name, each in following.items() if needs_restart(now[name], each)}

    def _is_settled(self) -> bool:
        cameras = self._cameras.by_name
        waits = [name for name in self._restarting if not cameras[name].has_large_stream]
        if any(name in self._lived for name in waits):
            return False  # it will be seen whether the new stream lives where the old one does
        waits = [name for name in waits if not cameras[name].is_lost]
        since_ns = self._settled_ns or self._started_ns
        return not waits or self._clock.mono_ns() - since_ns > SETTLE_S * 1e9

    def _begin_rehearsal(self) -> None:
        cameras, now = self._cameras.by_name, self._cameras.settings
        self._lived |= {name for name in self._restarting if cameras[name].has_large_stream}
        self._rehearsals = [
            Rehearsal(each, self._clock)
            for name, each in self._restarting.items()
            if each.kind in NETWORKED and cameras[name].has_large_stream
            and _addresses(each) != _addresses(now[name])
        ]  # fmt: skip
        self._rehearse(self._rehearsals)

    def _rehearse(self, rehearsals: list[Rehearsal]) -> None:
        """Go on once each new address answered. One that does not, while the old stream lives, is
        the version's fault; where both are dead nothing can be told yet."""
        if not all(each.is_over for each in rehearsals):
            return
        failed = [each for each in rehearsals if each.problem is not None]
        for each in failed:
            if self._cameras.by_name[each.name].has_large_stream:
                self._give_up("stream", f"camera {each.name}, {each.problem}")
                return
        if failed:
            self._rehearsals, self._settled_ns = None, self._clock.mono_ns()
        else:
            self._switch()

    def _switch(self) -> None:
        trial, following = self._store.state.trial, self._next
        if trial is None or following is None:
            return
        cameras = self._cameras.by_name
        judged = frozenset(name for name in self._restarting if cameras[name].has_large_stream)
        self._rehearsals = None
        had_link = self._link.is_online  # before any of it is in effect, which may take QUIET_S
        self._store.switch(tuple(sorted(judged)))
        self._put(following, trial.settings, f"settings {trial.version}")
        self._begin_watch(judged, had_link=had_link)

    def _begin_watch(self, judged: frozenset[str], *, had_link: bool) -> None:
        connected = self._connected()
        others = frozenset(n for n, is_up in connected.items() if is_up) - judged
        self._watch = Watch(self._clock.mono_ns(), judged, had_link, others)

    def _look(self, watch: Watch) -> None:
        now_ns = self._clock.mono_ns()
        verdict = watch.look(now_ns, self._connected(), is_online=self._link.is_online)
        trial = self._store.state.trial
        if verdict == "link?":
            if self._is_broker_there():
                self._give_up("link", "the way to the hub died, though the broker's port answers")
                return
            verdict = "good"
        if verdict == "stream":
            why = "; ".join(f"camera {name} sends nothing" for name in watch.lost)
            self._give_up("stream", why)
        elif verdict == "good" and trial is not None:
            log.info("settings %d: good", trial.version)
            self._store.pass_trial()
            self._leave_trial()

    def _give_up(self, reason: str, detail: str) -> None:
        """Put back what was good before."""
        state = self._store.state
        trial = state.trial
        self._leave_trial()
        if trial is None:
            return
        self._store.fail(trial, reason, detail)
        try:
            good, plain = report.laid(self._base, state.good)
        except SchemaError:  # edge.yaml was changed since
            good, plain = self._base, {}
        self._put(good, plain, f"settings {trial.version} taken back")

    def _put(self, settings: NodeSettings, plain: Plain, why: str) -> None:
        self._now, self._plain = settings, plain
        self._set_log_level(settings.log_level)
        local = self._local_time()
        self._change((overlay.at(each, local) for each in settings.cameras), why)

    def _change(self, wanted_of_all: Iterable[CameraSettings], why: str) -> None:
        now = self._cameras.settings
        if others := [each for each in wanted_of_all if now[each.name] != each]:
            self._cameras.change(others, why=why, within_s=QUIET_S)

    def _connected(self) -> dict[str, bool]:
        return {name: each.has_large_stream for name, each in self._cameras.by_name.items()}

    def _is_broker_there(self) -> bool:
        mqtt = self._base.hub.mqtt
        try:
            with socket.create_connection((mqtt.host, mqtt.port), timeout=PROBE_S):
                return True
        except OSError:
            return False

    # Schedules.

    def _keep_schedules(self) -> None:
        scheduled = [each for each in self._now.cameras if each.schedules]
        if not scheduled:
            self.problem = ""
            return
        local = self._local_time()
        self._change((overlay.at(each, local) for each in scheduled), "schedule")
        self.problem = f"schedules: {schedule.NO_CLOCK}" if local is None else ""

    def _local_time(self) -> datetime | None:
        return local_time(self._now, self._clock, self._clock_state())


def local_time(settings: NodeSettings, clock: Clock, state: ClockState) -> datetime | None:
    """What the wall clock shows in the node's zone; None where it was never set."""
    if state == "unsynced":
        return None
    try:
        zone = zoneinfo.ZoneInfo(settings.time_zone) if settings.time_zone else system_zone()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return clock.utc().astimezone(zone)


def in_effect(base: NodeSettings, store: Store, clock: Clock) -> tuple[NodeSettings, Plain]:
    """What the node starts with, and what of it the hub sets. Settings that do not fit an
    edge.yaml that was changed since are given up, on the disk too if it takes it."""
    version = store.state.in_effect
    try:
        return report.laid(base, version)
    except SchemaError as err:
        if version is None:
            raise
        detail = f"edge.yaml was changed, and it does not fit any more: {report.fields_text(err)}"
    try:
        if store.state.trial is not None and store.state.is_switched:
            store.fail(version, "invalid", detail)
            return in_effect(base, store, clock)
        failure = report.refusal(version.version, "invalid", detail, clock.utc())
        store.refuse(failure, None, good=None)
    except StorageError as err:
        log.error("%s", error_chain(err))
    return base, {}


def _addresses(settings: CameraSettings) -> tuple[object, ...]:
    return settings.source, settings.sub_source, settings.user, settings.transport
