"""The API as one part: all its resources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from starlette.routing import BaseRoute

from hub.api.asking import Reader
from hub.api.audit import AuditApi
from hub.api.camera_picture import CameraPictureApi
from hub.api.enrolment import EnrolmentApi
from hub.api.events import EventsApi
from hub.api.live import LiveApi
from hub.api.live_updates import LiveUpdatesApi
from hub.api.media import MediaApi
from hub.api.nodes import NodesApi
from hub.api.openapi import DocumentApi
from hub.api.overviews import OverviewsApi
from hub.api.registry import RegistryApi
from hub.api.registry_tables import RegistryTablesApi
from hub.api.rollouts import RolloutsApi
from hub.api.saved_filters import SavedFiltersApi
from hub.api.session import SessionApi
from hub.api.settings import SettingsApi
from hub.api.trials import TrialsApi
from hub.api.users import TokensApi, UsersApi
from hub.archive import Archive
from hub.archive.problems import Problem
from hub.clipstore import FileClipStore
from hub.web.door import Door
from hub.web.live_feed import LiveFeed
from hub.web.login import LogIn


@dataclass(frozen=True)
class Stores:
    """Where files are."""

    clips: FileClipStore
    pictures: FileClipStore
    plans: FileClipStore


@dataclass(frozen=True)
class CameraApis:
    """What is asked of nodes, and tried on what they saw."""

    live: LiveApi
    picture: CameraPictureApi
    trials: TrialsApi


class Api:
    """All routes below API_PATH."""

    def __init__(
        self, archive: Archive, stores: Stores, door: Door, log_in: LogIn, feed: LiveFeed,
        problems: Callable[[], list[Problem]], zone: ZoneInfo, cameras: CameraApis,
        enrolment: EnrolmentApi,
    ) -> None:  # fmt: skip
        reader = Reader(door, archive, zone)
        self.routes: Sequence[BaseRoute] = (
            *SessionApi(door, log_in).routes(),
            *EventsApi(door, archive, reader).routes(),
            *SavedFiltersApi(door, archive, zone).routes(),
            *OverviewsApi(door, archive, reader).routes(),
            *MediaApi(door, archive, stores.clips, stores.pictures).routes(),
            *NodesApi(door, archive, problems, reader).routes(),
            *enrolment.routes(),
            *SettingsApi(door, archive).routes(),
            *RegistryApi(door, archive, stores.plans).routes(),
            *RegistryTablesApi(door, archive, zone).routes(),
            *RolloutsApi(door, archive).routes(),
            *UsersApi(door, archive).routes(),
            *TokensApi(door, archive).routes(),
            *AuditApi(door, archive.audit).routes(),
            *LiveUpdatesApi(door, feed).routes(),
            *cameras.live.routes(),
            *cameras.picture.routes(),
            *cameras.trials.routes(),
            DocumentApi(door).route(),
        )
