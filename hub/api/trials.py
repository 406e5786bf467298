"""/nodes/NODE/cameras/CAMERA/trial: other motion settings, tried on what the camera saw."""

from __future__ import annotations

import contextlib
from typing import Literal

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute

from edge.base.errors import ConfigError
from edge.trace import changes
from hub.api.models import Answer, Moment, TakenIn
from hub.api.nodes import CameraName, NodeName
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.archive.values import CameraKey, Event
from hub.trials import Trial, TrialError, Trials, Wish
from hub.web import cameras
from hub.web.answers import HttpError
from hub.web.door import Door

TAG = "nodes"
MAX_DAYS = 31
MAX_LISTED = 1000
Found = Literal["kept", "gone", "unsure", "unseen"]


class TrialIn(TakenIn):
    """What to try."""

    motion: dict[str, object] = Field(
        description="A camera's `motion` as in its settings; what is left out has its default."
    )
    days: int = Field(7, ge=1, le=MAX_DAYS, description="The last days on which it is tried.")


class TriedEvents(Answer):
    """Events to which the same would have happened."""

    events: int
    confirmed: int
    false_alarms: int
    ids: list[str] = Field(description=f"The newest {MAX_LISTED}.")


class TrialAnswer(Answer):
    """What other settings would have made of the camera's motion events."""

    is_whole: bool = Field(description="Whether all of the trace was judged in the time there is.")
    since_utc: Moment
    judged_since_utc: Moment | None = Field(description="Null where there is no trace.")
    kept: TriedEvents
    gone: TriedEvents
    unsure: TriedEvents = Field(
        description="Of which the trace shows nothing by the settings that ran either."
    )
    unseen: TriedEvents = Field(description="Of which no trace is here.")
    new: int = Field(description="Events that would have been besides.")


class TrialsApi:
    """The route."""

    def __init__(self, door: Door, archive: Archive, trials: Trials) -> None:
        self._door = door
        self._archive = archive
        self._trials = trials

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [
            GuardedRoute(
                "/nodes/{node}/cameras/{camera}/trial", self.try_settings, door=self._door,
                needs="operator", tag=TAG, method="POST", errors=(404,),
            )
        ]  # fmt: skip

    async def try_settings(
        self, visitor: Who, node: NodeName, camera: CameraName, given: TrialIn
    ) -> TrialAnswer:
        """Try motion settings on the traces of the last days, against what people said of the
        events. Nothing is changed. Whoever asks again ends what they asked before."""
        key = CameraKey(node, camera)
        now_utc = self._door.now_utc()
        await run_in_threadpool(cameras.find, self._archive, visitor.scope, key, now_utc)
        wish = Wish(key, checked(given.motion), given.days, visitor.scope)
        last: Trial | None = None
        try:
            async with contextlib.aclosing(self._trials.run(wish, visitor.key)) as found:
                async for each in found:
                    last = each
        except TrialError as err:
            raise refusal(err) from err
        if last is None:
            raise HttpError(503, "failed", "the trial gave no answer")
        return _answer(last)


def checked(motion: dict[str, object]) -> dict[str, object]:
    """A motion section that can be tried. Raises HttpError 422."""
    try:
        changes.to(motion)
    except ConfigError as err:
        fields = [("body.motion", line) for line in str(err).splitlines()]
        raise HttpError(422, "invalid", str(err), fields=fields) from err
    return motion


def refusal(err: TrialError) -> HttpError:
    """Why a trial came to nothing, as an answer."""
    return HttpError(503, err.reason, str(err))


def _answer(trial: Trial) -> TrialAnswer:
    return TrialAnswer(
        is_whole=trial.state == "done",
        since_utc=trial.since_utc,
        judged_since_utc=trial.seen_since_utc,
        new=len(trial.new),
        **{name: _tried(trial.events[name]) for name in ("kept", "gone", "unsure", "unseen")},
    )


def _tried(events: tuple[Event, ...]) -> TriedEvents:
    return TriedEvents(
        events=len(events),
        confirmed=sum(each.mark == "confirmed" for each in events),
        false_alarms=sum(each.mark == "false_alarm" for each in events),
        ids=[each.id for each in events[:MAX_LISTED]],
    )
