"""Node files as the API takes and gives them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from edge.base import schema
from edge.contract import names, nodefile
from edge.contract.nodefile import FileCamera, NodeFile
from hub.api.models import Answer, Moment, TakenIn
from hub.registry.enrolment import DEFAULT_VALID, MAX_VALID, MIN_VALID
from hub.registry.rules import CODE_PATTERN

HOUR_S = 3600
Code = Annotated[str, Field(pattern=f"^{CODE_PATTERN}$")]
ValidHours = Annotated[
    float,
    Field(
        ge=MIN_VALID.total_seconds() / HOUR_S, le=MAX_VALID.total_seconds() / HOUR_S,
        description="How long the file can be used.",
    ),
]  # fmt: skip
DEFAULT_HOURS = DEFAULT_VALID.total_seconds() / HOUR_S


class FileCameraIn(TakenIn):
    """A camera as its node is to reach it."""

    name: Annotated[str, Field(pattern=f"^{names.CAMERA_PATTERN}$")]
    source: Annotated[str, Field(min_length=1, max_length=1024, description="Its address.")]
    sub_source: Annotated[str | None, Field(max_length=1024)] = None
    user: Annotated[str | None, Field(max_length=128)] = None
    password: Annotated[str | None, Field(max_length=512)] = None
    transport: Literal["tcp", "udp"] | None = None


class NodeIn(TakenIn):
    """A node to be."""

    node: Annotated[str, Field(pattern=f"^{names.NODE_PATTERN}$")]
    cameras: list[FileCameraIn] = Field([], max_length=nodefile.MAX_CAMERAS)
    area: Code | None = Field(None, description="Where its cameras are.")
    organisation: Code | None = Field(None, description="Whose they are.")
    valid_hours: ValidHours = DEFAULT_HOURS

    @property
    def valid(self) -> timedelta:
        """How long its file can be used."""
        return timedelta(hours=self.valid_hours)


class ReplacementIn(TakenIn):
    """A new box for a known node."""

    cameras: list[FileCameraIn] | None = Field(
        None, max_length=nodefile.MAX_CAMERAS, description="Null: as in its last node file."
    )
    now: bool = Field(False, description="Shut the box that has the name out at once.")
    valid_hours: ValidHours = DEFAULT_HOURS

    @property
    def valid(self) -> timedelta:
        """How long its file can be used."""
        return timedelta(hours=self.valid_hours)


class NodesIn(TakenIn):
    """Nodes from a spreadsheet."""

    csv: str = Field(description="With a header; one line a camera.")
    valid_hours: ValidHours = DEFAULT_HOURS

    @property
    def valid(self) -> timedelta:
        """How long their files can be used."""
        return timedelta(hours=self.valid_hours)


class NodeFileAnswer(Answer):
    """A node file, told once: it holds a one-time token and cameras' passwords."""

    node: str
    expires_utc: Moment
    file: dict[str, object] = Field(description="The document, for NODE.node.")
    text: str = Field(description="The same as text, for a QR code.")

    @classmethod
    def of(cls, file: NodeFile) -> NodeFileAnswer:
        """As it is given out."""
        return cls(
            node=file.node,
            expires_utc=file.expires_utc,
            file=schema.dump(file),
            text=nodefile.to_text(file),
        )


class OutAnswer(Answer):
    """What became of shutting a node out."""

    node: str
    is_confirmed: bool = Field(
        description="The broker has closed its connection. False: it does not answer, and will when"
        " it does; the account has ended all the same."
    )


def cameras_in(given: list[FileCameraIn]) -> tuple[FileCamera, ...]:
    """As node files hold them. Raises SchemaError."""
    return tuple(
        schema.load(FileCamera, each.model_dump(), unknown="refuse", path=f"body.cameras[{number}]")
        for number, each in enumerate(given)
    )
