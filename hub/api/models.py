"""What all of the API takes and gives: times, roles, problems. Resources have their own shapes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from edge.base.clock import utc_text
from hub.archive import scope

Moment = Annotated[
    datetime,
    PlainSerializer(utc_text, return_type=str),
    Field(description="UTC, RFC 3339 with milliseconds.", examples=["2026-01-31T23:59:59.000Z"]),
]
"""A time that is given out."""

MomentIn = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
"""A time that is taken in, with its offset."""

Role = Literal["viewer", "operator", "administrator"]
Language = Literal["vi", "en"]
MAX_CODES = 200


class Answer(BaseModel):
    """Given out."""

    model_config = ConfigDict(frozen=True)


class TakenIn(BaseModel):
    """Taken in: what is not known is an error, as everywhere in Camwatch."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldProblem(Answer):
    """One thing that is wrong with a request."""

    field: str = Field(description="Where, such as `body.name` or `query.since`.")
    message: str


class Problem(Answer):
    """Why something was not done."""

    error: str = Field(description="A short fixed word, for programs.")
    message: str = Field(description="A sentence, for people.")
    fields: list[FieldProblem] | None = Field(None, description="Of a request that is wrong.")


Code = Annotated[str, Field(min_length=1, max_length=64)]


class Scope(TakenIn):
    """Whose footage may be seen: everything, or what cameras saw while they were in one of these
    areas or below, or belonged to one of these organisations."""

    everything: bool = False
    areas: list[Code] = Field(default=[], max_length=MAX_CODES)
    organisations: list[Code] = Field(default=[], max_length=MAX_CODES)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Scope:
        if self.everything and (self.areas or self.organisations):
            raise ValueError("everything goes without areas and organisations")
        return self

    @classmethod
    def of(cls, scope: scope.Scope) -> Scope:
        """As it is given out."""
        return cls(
            everything=scope.is_everything,
            areas=sorted(scope.areas),
            organisations=sorted(scope.organisations),
        )

    @property
    def value(self) -> scope.Scope:
        """As the archive keeps it."""
        return scope.Scope(self.everything, frozenset(self.areas), frozenset(self.organisations))
