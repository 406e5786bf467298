"""The installer, run as root by camwatch-update.service: takes up what the agent laid down.

Steps, each durable before the next; a power cut between any two leaves the old or the new version
to be started, and `run` goes on from there.
1. copy order and bundle into root's own folder; from here on the agent's are not looked at
2. both signatures, number, version, architecture, Python, size, hash    else: refused, failed
3. build the environment beside the others, mark it whole                else: failed
4. its self-test, as the agent's user, while the old version watches on  else: failed
5. remember the trial, and what the old version does     (nothing was stopped until here)
6. `current` names the new version; restart the agent
7. watch its pulse: good for so long, or late, silent, unsteady
8. good: `proven` names it too, and of the others only the one before is kept.
   Else: remember why, `current` names the old version again, restart the agent.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.base import crashpoint, durable
from edge.base.clock import Clock
from edge.base.errors import CamwatchError, ConfigError, StorageError
from edge.base.logs import error_chain
from edge.contract.release import Bundle, Release
from edge.keys import PublicKey
from edge.update import build, inbox, keyring, links, order, progress, pulse, unpack
from edge.update.build import Facts
from edge.update.errors import FailedError, RefusedError, ReturnedError, UpdateError, hub_too
from edge.update.layout import INBOX, Layout
from edge.update.progress import Progress, Trial
from edge.update.pulse import Duties, Watch

log = logging.getLogger(__name__)

ROOM_TIMES = 5  # of the bundle's size: our copy, unpacked, and installed three times as large
ROOM_SPARE_BYTES = 128 * 2**20  # that stays free for the journal and clips
HOLD_S, LIMIT_S, SILENT_S = 180.0, 900.0, 180.0
MAX_ATTEMPTS = 3  # to build it, where something kills us in the middle
MAX_BOOTS = 3  # a power cut may come; a version under which they keep coming is no good
POLL_S = 2.0
RESTART_LIMIT_S = 120.0
WORK = "work"
TEXTS = {
    "no_sign_of_life": "it did not begin to work",
    "no_packets": "a camera that was watched before is not watched under it",
    "no_hub": "the hub acknowledged nothing under it",
    "journal": "its journal took nothing",
    "unsteady": "it did not run steadily",
    "switch": "the agent could not be started anew",
    "power": "the power went again and again before it had proved itself",
}


@dataclass(frozen=True)
class Terms:
    """How long a version is on trial."""

    hold_s: float = HOLD_S
    limit_s: float = LIMIT_S
    silent_s: float = SILENT_S


@dataclass(frozen=True)
class Node:
    """Whose installation it is."""

    name: str
    config: Path
    state_dir: Path
    hub_key: PublicKey


class Installer:
    """One run of it. Blocks for as long as it takes."""

    def __init__(
        self,
        layout: Layout,
        node: Node,
        *,
        clock: Clock,
        restart: Sequence[str],
        facts: Callable[[], Facts],
        terms: Terms = Terms(),
    ) -> None:
        """`restart`: the command that starts the agent anew. `facts`: of the running version."""
        self._layout = layout
        self._node = node
        self._clock = clock
        self._restart = restart
        self._facts = facts
        self._terms = terms
        self._work = layout.state / WORK
        self._taken = inbox.Taken(node.state_dir / INBOX, self._work)
        self._progress = self._remembered()

    def run(self) -> Progress:
        """Finish what was begun before, then take up what is ready. Raises CamwatchError."""
        self._refuse_elsewhere()
        trial = self._progress.trial
        if trial is not None and self._layout.hub_role.exists():
            self._end("refused", hub_too())  # the links are what install-hub made of them
        elif trial is not None:
            self._go_on(trial)
        if self._taken.is_ready():
            self._guarded(self._take_up)
            self._taken.forget()
        elif self._progress.stage == "installing":
            self._end("failed", FailedError("build", "the installation was cut short"))
        elif (self._layout.state / progress.ON_TRIAL).exists():
            self._save(self._progress)  # a power cut came between the notes and the mark
        return self._progress

    def install(
        self,
        manifest: bytes,
        signature: bytes,
        copy: Callable[[Bundle, str, Path], None],
        *,
        may_be_older: bool,
    ) -> Progress:
        """Carry out a release that root itself brings, without an order. Raises CamwatchError.

        `copy` copies a bundle of that version to a file."""
        self._refuse_elsewhere()
        if self._progress.trial is not None:
            raise ConfigError(f"{self._progress.trial.wanted} is on trial", hint="wait for its end")

        def work() -> None:
            keys = keyring.load(self._layout.release_keys)
            found = order.read_release(manifest, signature, keys)
            chosen = order.check(found, self._machine(), may_be_older=may_be_older)
            tar = self._work / inbox.BUNDLE
            self._carry_out(found, chosen, lambda: copy(chosen, found.version, tar))

        self._save(Progress(number=self._progress.number, stage="installing"))
        self._guarded(work)
        return self._progress

    def _refuse_elsewhere(self) -> None:
        layout = self._layout
        if links.name_of(layout.current) is None or links.name_of(layout.proven) is None:
            raise ConfigError(
                f"{layout.software} is no installation that can be updated",
                hint="install the node with scripts/install-node",
            )

    def _remembered(self) -> Progress:
        """Where that is lost, the links still say whether a version is on trial; not where this is
        a hub too, whose installer changes `current` alone."""
        try:
            found = progress.load(self._layout.state)
        except StorageError as err:
            log.error("%s", error_chain(err))
            found = Progress()
        if self._layout.hub_role.exists():
            return found
        current = links.name_of(self._layout.current)
        proven = links.name_of(self._layout.proven)
        if found.trial is None and current is not None and proven is not None and current != proven:
            trial = Trial(current, proven)
            return replace(found, stage="on_trial", wanted=current, trial=trial)
        return found

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do it; what becomes of it is remembered, not raised. Raises StorageError while a version
        is on trial: then the next run goes on."""
        try:
            self._begin_work()
            work()
        except RefusedError as err:
            self._end("refused", err)
        except UpdateError as err:
            self._end("failed", err)
        except StorageError as err:
            if self._progress.trial is not None:
                raise
            self._end("failed", FailedError("room", error_chain(err)))
        finally:
            self._clear_work()

    def _take_up(self) -> None:
        wanted = self._read(self._taken.order())
        was = self._progress
        is_cut_short = wanted.number == was.number and was.stage == "installing"
        if wanted.number <= was.number and not is_cut_short:
            log.info("order %d was taken up before", wanted.number)
            return
        attempts = was.attempts + 1 if is_cut_short else 1
        self._save(Progress(number=wanted.number, stage="installing", attempts=attempts))
        if wanted.release is None:
            raise RefusedError("order", "the order was taken back")
        self._save(replace(self._progress, wanted=wanted.release.version))
        if attempts > MAX_ATTEMPTS:
            raise FailedError("build", f"the installation was cut short {MAX_ATTEMPTS} times")
        chosen = order.check(wanted.release, self._machine(), may_be_older=wanted.may_be_older)
        self._carry_out(wanted.release, chosen, lambda: self._taken.copy_bundle(chosen.size_bytes))

    def _read(self, signed: inbox.SignedOrder) -> order.Order:
        return order.read(
            signed.payload, signed.signature, node=self._node.name, hub_key=self._node.hub_key,
            release_keys=keyring.load(self._layout.release_keys),
        )  # fmt: skip

    def _carry_out(self, found: Release, chosen: Bundle, copy: Callable[[], None]) -> None:
        """Steps 2 to 8. Raises UpdateError, StorageError."""
        wanted, before = found.version, self._running()
        if self._layout.hub_role.exists():
            raise hub_too()
        self._save(replace(self._progress, stage="installing", wanted=wanted))
        if wanted == links.number(before):
            self._end("good", None)
            return
        layout = self._layout
        if not build.is_built(layout, wanted, chosen.sha256):
            build.keep_only(layout, self._linked())
            _check_room(layout.software, chosen.size_bytes)
            _check_room(self._work, chosen.size_bytes)
            copy()
            tar = self._work / inbox.BUNDLE
            if not inbox.is_bundle(tar, chosen):
                raise FailedError("bundle", "the bundle is not the one that the release names")
            crashpoint.at("update.copied")
            unpack.unpack(tar, self._work / "bundle")
            tar.unlink()
            crashpoint.at("update.unpacked")
            build.build(layout, wanted, chosen.sha256, self._work / "bundle")
        self._try_out(wanted)
        self._begin_trial(wanted, before)

    def _try_out(self, wanted: str) -> None:
        """Raises UpdateError unless it works here, and may be taken back afterwards."""
        new = build.test(self._layout, wanted, self._node.config, self._node.state_dir)
        old = self._facts()
        if new.journal_usable_from > old.journal:
            raise RefusedError(
                "one_way",
                f"{wanted} changes the journal so that {old.version} could not go on in it",
                hint="a release between the two has to know both forms",
            )
        if new.journal < old.journal_usable_from:
            raise RefusedError("one_way", f"{wanted} cannot read the journal of {old.version}")
        crashpoint.at("update.tested")

    def _begin_trial(self, wanted: str, before: str) -> None:
        duties = Duties.of(pulse.read(self._layout.runtime, self._clock.mono_ns()))
        trial = Trial(wanted, before, duties.cameras, duties.looked_at, (self._clock.boot,))
        self._save(replace(self._progress, stage="on_trial", trial=trial))
        self._taken.forget()
        crashpoint.at("update.trial")
        self._switch(trial)

    def _go_on(self, trial: Trial) -> None:
        """After a power cut, or a kill of the installer, at any step from 5 on."""
        if trial.returning is not None:
            self._give_back(trial, trial.returning)
            return
        if links.name_of(self._layout.proven) == trial.wanted:
            self._keep(trial)
            return
        if self._clock.boot not in trial.boots:
            trial = replace(trial, boots=(*trial.boots, self._clock.boot))
            self._save(replace(self._progress, trial=trial))
        if len(trial.boots) > MAX_BOOTS:
            self._give_back(trial, "power")
        elif links.name_of(self._layout.current) != trial.wanted or self._is_old(trial):
            self._guarded(lambda: self._switch(trial))
        else:
            self._guarded(lambda: self._watch(trial))

    def _is_old(self, trial: Trial) -> bool:
        """Whether the agent was not started anew since the switch."""
        now = pulse.read(self._layout.runtime, self._clock.mono_ns())
        return now is not None and now.version != links.number(trial.wanted)

    def _switch(self, trial: Trial) -> None:
        log.info("%s goes on trial in place of %s", trial.wanted, trial.before)
        try:
            links.point(self._layout, self._layout.current, trial.wanted)
            crashpoint.at("update.switched")
            self._restart_agent()
        except CamwatchError as err:
            log.error("%s", error_chain(err))
            self._give_back(trial, "switch")
            return
        crashpoint.at("update.restarted")
        self._watch(trial)

    def _watch(self, trial: Trial) -> None:
        terms = self._terms
        watch = Watch(
            links.number(trial.wanted), Duties(trial.cameras, trial.looked_at), hold_s=terms.hold_s,
            limit_s=terms.limit_s, silent_s=terms.silent_s, start_ns=self._clock.mono_ns(),
        )  # fmt: skip
        verdict = None
        while verdict is None:
            time.sleep(min(POLL_S, terms.hold_s / 4))
            now_ns = self._clock.mono_ns()
            verdict = watch.take(pulse.read(self._layout.runtime, now_ns), now_ns)
        if verdict == "good":
            crashpoint.at("update.good")
            self._keep(trial)
        else:
            self._give_back(trial, verdict)

    def _keep(self, trial: Trial) -> None:
        links.point(self._layout, self._layout.proven, trial.wanted)
        crashpoint.at("update.proven")
        with contextlib.suppress(StorageError):  # it may have been removed by hand
            links.point(self._layout, self._layout.previous, trial.before)
        self._end("good", None)
        log.info("%s is good; %s is kept beside it", trial.wanted, trial.before)
        build.keep_only(self._layout, [trial.wanted, trial.before])

    def _give_back(self, trial: Trial, reason: str) -> None:
        """Return to the version before, whatever cuts in: the reason is remembered first."""
        log.error("%s is taken back: %s", trial.wanted, TEXTS.get(reason, reason))
        self._save(replace(self._progress, trial=replace(trial, returning=reason)))
        crashpoint.at("update.returning")
        links.point(self._layout, self._layout.current, trial.before)
        crashpoint.at("update.returned")
        self._restart_agent()
        crashpoint.at("update.back")
        text = f"{trial.wanted} was taken back: {TEXTS.get(reason, reason)}"
        self._end("returned", ReturnedError(reason, text))
        build.keep_only(self._layout, self._linked())

    def _restart_agent(self) -> None:
        """Raises CamwatchError where nobody does it."""
        try:
            done = subprocess.run(
                list(self._restart), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=RESTART_LIMIT_S, check=False,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as err:
            raise CamwatchError(f"the agent cannot be restarted: {err}", is_retryable=True) from err
        if done.returncode:
            said = done.stderr.strip()
            raise CamwatchError(f"the agent cannot be restarted: {said}", is_retryable=True)

    def _machine(self) -> order.Machine:
        return order.machine(links.number(self._running()))

    def _running(self) -> str:
        """The version that `proven` names: between trials, the one that runs."""
        return links.name_of(self._layout.proven) or "0.0"

    def _linked(self) -> list[str]:
        found = [links.name_of(self._layout.current), links.name_of(self._layout.proven)]
        return [each for each in found if each is not None]

    def _end(self, stage: progress.Stage, err: UpdateError | None) -> None:
        if err is not None:
            log.error("update to %s: %s: %s", self._progress.wanted or "?", stage, err.told)
        self._save(self._progress.ended(stage, err, self._clock.utc()))

    def _save(self, new: Progress) -> None:
        self._progress = new
        progress.save(self._layout.state, new)

    def _begin_work(self) -> None:
        self._clear_work()
        durable.make_dirs(self._layout.state, mode=progress.DIR_MODE)
        durable.make_dirs(self._work)
        _free_of_links(self._work)

    def _clear_work(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)


def _free_of_links(folder: Path) -> None:
    if folder.is_symlink():
        raise StorageError(f"{folder} is a link", path=str(folder), is_retryable=False)


def _check_room(folder: Path, bundle_bytes: int) -> None:
    need = ROOM_TIMES * bundle_bytes + ROOM_SPARE_BYTES
    free = inbox.free_bytes(folder)
    if free < need:
        raise FailedError("room", f"{folder} has {free >> 20} MiB free, {need >> 20} are needed")
