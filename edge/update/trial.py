"""Ends a trial that nobody watches any more, for `scripts/install-node`, which brings a version of
its own: left noted, the trial would be gone on with later, in place of that version.

The caller holds the turn. A power cut at any step leaves the trial as it was, or ended.
"""

from __future__ import annotations

import logging

from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.update import links, progress
from edge.update.errors import ReturnedError
from edge.update.layout import Layout
from edge.update.progress import Trial

log = logging.getLogger(__name__)
REPLACED = "replaced"


def end(layout: Layout, clock: Clock) -> Trial | None:
    """Have `current` name the version before again, then forget the trial, not its order's number.

    The trial that was ended; None where none is noted. Restarts nothing. Raises StorageError."""
    try:
        known = progress.load(layout.state)
    except StorageError as err:
        log.warning("%s", error_chain(err))
        return None  # no trial is known, so none will be gone on with
    trial = known.trial
    if trial is None:
        return None
    if links.name_of(layout.proven) == trial.wanted:  # only its end was not noted any more
        ended = known.ended("good", None, clock.utc())
    else:
        if not layout.hub_role.exists() and (layout.versions / trial.before).is_dir():
            links.point(layout, layout.current, trial.before)
        reason = trial.returning or REPLACED
        text = f"{trial.wanted} was taken back: install-node ended its trial for another version"
        ended = known.ended("returned", ReturnedError(reason, text), clock.utc())
    progress.save(layout.state, ended)
    return trial
