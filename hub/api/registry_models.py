"""Areas, organisations, plans and cameras as the API takes and gives them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from edge.contract import names
from hub.api.models import Answer, Moment, MomentIn, TakenIn
from hub.archive.registry_values import Area, Camera, Organisation, Place, Plan
from hub.registry.rules import CODE_PATTERN, MAX_NAME, MAX_NOTE

AreaKind = Literal["town", "group", "cluster", "household"]
OrganisationType = Literal["agency", "firm", "school", "association", "other"]
Code = Annotated[str, Field(pattern=f"^{CODE_PATTERN}$")]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Part = Annotated[float, Field(ge=0, le=1)]


class AreaIn(TakenIn):
    """An area, all of it: what is left out becomes empty."""

    kind: AreaKind = Field(description="town > group > cluster > household")
    name: Name
    parent: Code | None = None
    from_day: date | None = Field(None, description="Its first day; null: it always was.")
    until_day: date | None = Field(None, description="The day after its last; null: it still is.")
    into: Code | None = Field(None, description="What it became part of.")

    def value(self, code: str) -> Area:
        """As the registry keeps it."""
        return Area(
            code, self.kind, self.name, self.parent, self.from_day, self.until_day, self.into
        )


class AreaAnswer(AreaIn):
    """An area with its code."""

    code: str

    @classmethod
    def of(cls, area: Area) -> AreaAnswer:
        """As it is given out."""
        return cls.model_construct(
            code=area.code, kind=area.kind, name=area.name, parent=area.parent,
            from_day=area.from_day, until_day=area.until_day, into=area.into,
        )  # fmt: skip


class OrganisationIn(TakenIn):
    """A member organisation, all of it."""

    name: Name
    type: OrganisationType
    contact: str = Field("", max_length=MAX_NAME)
    phone: str = Field("", max_length=MAX_NAME)
    email: str = Field("", max_length=254)
    note: str = Field("", max_length=MAX_NOTE)

    def value(self, code: str) -> Organisation:
        """As the registry keeps it."""
        return Organisation(
            code, self.name, self.type, self.contact, self.phone, self.email, self.note
        )


class OrganisationAnswer(OrganisationIn):
    """A member organisation with its code."""

    code: str

    @classmethod
    def of(cls, each: Organisation) -> OrganisationAnswer:
        """As it is given out."""
        return cls.model_construct(
            code=each.code, name=each.name, type=each.type, contact=each.contact,
            phone=each.phone, email=each.email, note=each.note,
        )  # fmt: skip


class PlanAnswer(Answer):
    """A map or plan picture."""

    code: str
    name: str
    area: str | None
    media_type: str
    width: int
    height: int
    sha256: str
    url: str

    @classmethod
    def of(cls, plan: Plan) -> PlanAnswer:
        """As it is given out."""
        return cls(
            code=plan.code,
            name=plan.name,
            area=plan.area,
            media_type=plan.media_type,
            width=plan.width,
            height=plan.height,
            sha256=plan.sha256,
            url=f"/api/v1/plans/{plan.code}/picture",
        )


class PlaceIn(TakenIn):
    """Where a camera is from a time on, and whose it is."""

    since_utc: MomentIn | None = Field(None, description="Null: it always was there.")
    area: Code | None = None
    organisation: Code | None = None
    plan: Code | None = None
    x: Part | None = Field(None, description="On the plan, 0 at the left to 1.")
    y: Part | None = Field(None, description="On the plan, 0 at the top to 1.")

    @property
    def value(self) -> Place:
        """As the registry keeps it."""
        return Place(self.since_utc, self.area, self.organisation, self.plan, self.x, self.y)


class PlaceAnswer(Answer):
    """Where a camera is, or was, from a time on."""

    since_utc: Moment | None
    area: str | None
    organisation: str | None
    plan: str | None
    x: float | None
    y: float | None


class CameraIn(TakenIn):
    """What people call a camera."""

    title: str = Field(max_length=MAX_NAME)


class RegisteredCamera(Answer):
    """A camera heard of or registered, with all its places by time."""

    node: str = Field(pattern=names.NODE_PATTERN)
    camera: str
    title: str
    places: list[PlaceAnswer]

    @classmethod
    def of(cls, camera: Camera) -> RegisteredCamera:
        """As it is given out."""
        return cls(
            node=camera.node,
            camera=camera.name,
            title=camera.title,
            places=[
                PlaceAnswer(
                    since_utc=each.since_utc,
                    area=each.area,
                    organisation=each.organisation,
                    plan=each.plan,
                    x=each.x,
                    y=each.y,
                )
                for each in camera.places
            ],
        )


class TakenLines(Answer):
    """A table was taken."""

    lines: int = Field(description="How many, without the header.")


class RegistryAnswer(Answer):
    """The whole registry, as far as the visitor may see it."""

    areas: list[AreaAnswer]
    organisations: list[OrganisationAnswer]
    plans: list[PlanAnswer]
    cameras: list[RegisteredCamera]
