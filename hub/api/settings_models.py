"""Nodes' settings as the API takes and gives them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge.base import schema
from edge.contract.applied import Applied
from edge.contract.settings import Plain
from edge.contract.wanted import MAX_NOTE
from hub.api.models import Answer, Moment, TakenIn
from hub.archive.settings_values import SettingsVersion
from hub.registry import settings_scope
from hub.registry.settings import Standing
from hub.registry.settings_scope import Seen

State = Literal["wanted", "pending", "trial", "applied", "refused", "rolled_back"]
MAX_PATH = 200
DOCUMENT = "As in config/schema/settings.schema.json."


class SettingsIn(TakenIn):
    """All that the hub shall set of a node: what is left out becomes the node's own again."""

    settings: dict[str, object] = Field(description=DOCUMENT)
    note: str | None = Field(None, max_length=MAX_NOTE, description="Why.")
    based_on: int | None = Field(
        None, ge=0,
        description="The version that this was made from; 409 where it is not the newest any more."
        " 0: there was none. Null: whatever there is.",
    )  # fmt: skip


class UndoIn(TakenIn):
    """Which version's content shall come back."""

    to: int | None = Field(
        None, ge=0, description="0: nothing is set by the hub. Null: the one before the newest."
    )
    note: str | None = Field(None, max_length=MAX_NOTE, description="Why.")


class SettingsProblem(Answer):
    """What is wrong with one field, and what to do about it."""

    path: str
    message: str
    hint: str


class VersionAnswer(Answer):
    """One version of a node's settings, and what became of it."""

    version: int
    made_utc: Moment
    user: str
    note: str | None
    undoes: int | None = Field(description="The version whose content it brought back.")
    state: State = Field(
        description="wanted: no answer yet; pending: the node prepares it; trial: in effect, not"
        " proven yet; applied: in effect, or was until a later one; refused, rolled_back: not in"
        " effect, see `reason` and `detail`."
    )
    state_utc: Moment
    reason: str | None
    detail: str | None = Field(description="For people; null in a scope that is not everything.")
    problems: list[SettingsProblem]
    settings: dict[str, object] = Field(description=f"What the hub set by it. {DOCUMENT}")

    @classmethod
    def of(cls, version: SettingsVersion, settings: Plain, cameras: Seen) -> VersionAnswer:
        """As it is given out, with that much of its settings, to who sees those cameras."""
        version = settings_scope.version(version, cameras)
        return cls(
            version=version.version,
            made_utc=version.made_utc,
            user=version.user,
            note=version.note,
            undoes=version.undoes,
            state=version.state,
            state_utc=version.state_utc or version.made_utc,
            reason=version.reason,
            detail=version.detail,
            problems=[
                SettingsProblem(path=each.path, message=each.message, hint=each.hint)
                for each in version.problems
            ],
            settings=settings,
        )


class AppliedAnswer(Answer):
    """What a node said last of its settings."""

    version: int = Field(description="In effect; 0: none of the hub's.")
    state: Literal["local", "pending", "trial", "applied"]
    at_utc: Moment
    settings: dict[str, object] = Field(
        description="What holds, zones and masks included, of the cameras that the visitor may see."
    )
    from_hub: list[str] = Field(description="Paths of what the hub sets; the rest is the node's.")
    failure: dict[str, object] | None = Field(
        description="The newest version that is not in effect, and why."
    )
    warnings: list[str]

    @classmethod
    def of(cls, applied: Applied, settings: Plain, cameras: Seen) -> AppliedAnswer:
        """As it is given out, with that much of its settings, to who sees those cameras."""
        failure = settings_scope.failure(applied.failure, cameras)
        return cls(
            version=applied.version,
            state=applied.state,
            at_utc=applied.at_utc,
            settings=settings,
            from_hub=[each for each in applied.from_hub if settings_scope.is_seen(each, cameras)],
            failure=None if failure is None else schema.dump(failure),
            warnings=settings_scope.warnings(applied.warnings, cameras),
        )


class SettingsAnswer(Answer):
    """Where a node stands with its settings."""

    node: str
    text: str = Field(description="For people, such as `settings 7 wanted, 6 applied: ...`.")
    is_settled: bool = Field(description="Whether the newest version is in effect for good.")
    newest: VersionAnswer | None
    applied: AppliedAnswer | None = Field(description="Null before the node said anything.")

    @classmethod
    def of(
        cls, standing: Standing, newest: VersionAnswer | None, applied: AppliedAnswer | None
    ) -> SettingsAnswer:
        """As it is given out."""
        return cls(
            node=standing.node,
            text=standing.text(),
            is_settled=standing.is_settled,
            newest=newest,
            applied=applied,
        )


class CheckAnswer(Answer):
    """What would be sent, and what is legal and probably not meant."""

    settings: dict[str, object]
    warnings: list[str]
    changes: list[str] = Field(description="Against the newest version, a line each.")
