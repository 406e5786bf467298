"""Timelines, maps of coverage and plots of health, as the API gives them: columns of numbers."""

from __future__ import annotations

from pydantic import Field

from hub.api.event_models import EventAnswer
from hub.api.models import Answer, Moment
from hub.archive.node_values import HealthSample
from hub.archive.values import HeatRow
from hub.registry.neighbours import Neighbours


class CameraCounts(Answer):
    """How many events a camera had in each piece of the time."""

    node: str
    camera: str
    counts: list[int]


class TimelineAnswer(Answer):
    """How many events fit in each piece of a time, in the order of time."""

    since_utc: Moment
    until_utc: Moment
    bucket_ms: int = Field(description="How long each piece is; the last one may be shorter.")
    counts: list[int] = Field(description="Of all cameras together.")
    cameras: list[CameraCounts] = Field(description="Those that have any.")
    filter: str = Field(description="What was asked, in its canonical form, to be shared.")


class CameraHours(Answer):
    """What is known of each hour of a camera; null for hours outside of the visitor's scope."""

    node: str
    camera: str
    watched_ms: list[int | None]
    blind_ms: list[int | None]
    unknown_ms: list[int | None] = Field(description="Also what of this hour is still to come.")
    cause: list[str | None] = Field(description="What kept it most from watching.")

    @classmethod
    def of(cls, row: HeatRow) -> CameraHours:
        """As it is given out."""
        cells = row.cells
        return cls(
            node=row.camera.node,
            camera=row.camera.camera,
            watched_ms=[None if each is None else each.watched_ms for each in cells],
            blind_ms=[None if each is None else each.blind_ms for each in cells],
            unknown_ms=[None if each is None else each.unknown_ms for each in cells],
            cause=[None if each is None else each.cause for each in cells],
        )


class CoverageHours(Answer):
    """When cameras were watched, hour by hour."""

    since_utc: Moment = Field(description="Where the first hour begins.")
    hours: int = Field(description="How many, each beginning on a full hour of UTC.")
    cameras: list[CameraHours]


class SampleAnswer(Answer):
    """How a node was at one moment."""

    at_utc: Moment
    cpu_percent: float = Field(description="Of one core.")
    memory_bytes: int
    disk_free_bytes: int
    temperature_c: float | None = Field(description="Null where it cannot be read.")
    clock_error_ms: int | None = Field(description="As the node estimates; null for unknown.")
    waiting_records: int = Field(description="Not acknowledged by the hub then.")
    waiting_clip_bytes: int
    watching: int = Field(description="How many of its cameras were watched.")
    cameras: int = Field(description="How many it had.")
    bits_per_s: float = Field(description="Of all its cameras.")

    @classmethod
    def of(cls, sample: HealthSample) -> SampleAnswer:
        """As it is given out."""
        return cls(
            at_utc=sample.at_utc,
            cpu_percent=sample.cpu_percent,
            memory_bytes=sample.memory_bytes,
            disk_free_bytes=sample.disk_free_bytes,
            temperature_c=sample.temperature_c,
            clock_error_ms=sample.clock_error_ms,
            waiting_records=sample.waiting_records,
            waiting_clip_bytes=sample.waiting_clip_bytes,
            watching=sample.watching,
            cameras=sample.cameras,
            bits_per_s=sample.bits_per_s,
        )


class NodeHealthAnswer(Answer):
    """How a node was over a time."""

    node: str
    since_utc: Moment
    until_utc: Moment
    samples: list[SampleAnswer]


class NeighboursAnswer(Answer):
    """The events next to one in time, of cameras next to its own."""

    area: str | None = Field(
        description="Code of the smallest area around its camera that has other cameras too; null"
        " where the camera has no place, and those of its node are given."
    )
    earlier: list[EventAnswer] = Field(description="The nearest first.")
    later: list[EventAnswer] = Field(description="The nearest first.")

    @classmethod
    def of(cls, found: Neighbours) -> NeighboursAnswer:
        """As it is given out."""
        return cls(
            area=found.area,
            earlier=[EventAnswer.of(each) for each in found.earlier],
            later=[EventAnswer.of(each) for each in found.later],
        )
