"""What the node says of its settings, as the contract has it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from edge.base.schema import Problem, SchemaError
from edge.config import overlay
from edge.config.node import NodeSettings
from edge.contract import applied, names
from edge.contract import settings as documents
from edge.contract.applied import Applied, Failure, FieldProblem
from edge.contract.errors import ContractError
from edge.contract.settings import Plain
from edge.settings.store import State, Version

MAX_PATH = 200
MAX_TEXT = 300


def applied_of(
    state: State, settings: NodeSettings, plain: Plain, failure: Failure | None, at_utc: datetime,
) -> bytes:  # fmt: skip
    """The document's bytes; without the values where they are too many to be sent."""
    in_effect = state.in_effect
    word: applied.State = "local" if in_effect is None else "applied"
    if state.trial is not None:
        word = "trial" if state.is_switched else "pending"
    warned = documents.warnings({each.name: each for each in settings.cameras})
    warned = warned[: applied.MAX_WARNINGS]
    values = Applied(
        v=names.VERSION,
        node=settings.node,
        version=0 if in_effect is None else in_effect.version,
        state=word,
        seen=state.seen,
        at_utc=state.at_utc or at_utc,
        settings=overlay.effective(settings),
        from_hub=tuple(sorted(documents.flat(plain))),
        failure=failure,
        warnings=tuple(names.shorten(each, MAX_TEXT) for each in warned),
    )
    try:
        return applied.encode(values)
    except ContractError as err:
        note = names.shorten(f"the values are not sent: {err}", MAX_TEXT)
        bare = {**vars(values), "settings": {}, "from_hub": (), "warnings": (note,)}
        return applied.encode(Applied(**bare))


def refusal(
    version: int, reason: str, detail: str, at_utc: datetime, problems: Sequence[Problem] = ()
) -> Failure:
    """Why a document is not taken."""
    told = tuple(
        FieldProblem(
            names.shorten(each.path or "settings", MAX_PATH),
            names.shorten(each.message, MAX_TEXT),
            names.shorten(each.hint, MAX_TEXT),
        )
        for each in problems[: applied.MAX_PROBLEMS]
    )
    return Failure(version, "refused", reason, names.shorten(detail, MAX_TEXT), at_utc, told)


def fields_text(err: SchemaError) -> str:
    """The problems in one line."""
    count = len(err.problems)
    first = "; ".join(str(each) for each in err.problems[:3])
    return f"{count} field{'s are' if count != 1 else ' is'} wrong: {first}"


def laid(base: NodeSettings, version: Version | None) -> tuple[NodeSettings, Plain]:
    """The node's settings under that version, and what it sets. Raises SchemaError."""
    plain = {} if version is None else documents.check(version.settings)
    return overlay.lay_over(base, plain), plain
