"""The console as one part: all its pages."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from starlette.routing import BaseRoute

from edge.base.clock import Clock
from hub.archive import Archive
from hub.clipstore import FileClipStore
from hub.console.account_page import AccountPage
from hub.console.camera_pages import CameraPages
from hub.console.camera_settings_page import CameraSettingsPage
from hub.console.coverage_page import CoveragePage
from hub.console.event_page import EventPage
from hub.console.events_page import EventsPage
from hub.console.joining_pages import JoiningPages
from hub.console.live_page import LivePage
from hub.console.login_pages import LoginPages
from hub.console.nodes_page import NodesPage
from hub.console.now_page import NowPage
from hub.console.pages import Pages
from hub.console.people_pages import PeoplePages
from hub.console.plan_pages import PlanPages
from hub.console.registry_changes import Changes
from hub.console.registry_files_page import RegistryFilesPage
from hub.console.registry_pages import RegistryPages
from hub.console.updates_page import UpdatesPage
from hub.registry.enrolment import NodeFiles
from hub.trials import Trials
from hub.web.answers import ErrorPage
from hub.web.door import Door
from hub.web.gatekeeper import Gatekeeper
from hub.web.login import LogIn


class Console:
    """All pages. `routes` goes to the root of the site, `error_page` draws what went wrong."""

    def __init__(
        self, archive: Archive, plan_pictures: FileClipStore, door: Door, log_in: LogIn,
        zone: ZoneInfo, clock: Clock, url: str, trials: Trials, files: NodeFiles,
        gatekeeper: Gatekeeper,
    ) -> None:  # fmt: skip
        """`url` is how people reach the console."""
        pages = Pages(door, zone, clock)
        changes = Changes(archive, door.trail)
        self.error_page: ErrorPage = pages.error
        self.routes: Sequence[BaseRoute] = (
            pages.static.route(),
            *LoginPages(pages, archive.people, log_in, door.trail, clock).routes(),
            *NowPage(pages, archive, clock).routes(),
            *EventsPage(pages, archive, door.trail, zone, clock).routes(),
            *EventPage(pages, archive, door.trail, zone, clock).routes(),
            *LivePage(pages, archive, clock).routes(),
            *CoveragePage(pages, archive, zone, clock).routes(),
            *NodesPage(pages, archive, clock).routes(),
            *CameraSettingsPage(pages, archive, trials, clock).routes(),
            *JoiningPages(pages, archive, door.trail, files, gatekeeper).routes(),
            *RegistryPages(pages, changes, zone, clock).routes(),
            *CameraPages(pages, changes, zone, clock).routes(),
            *PlanPages(pages, changes, plan_pictures, zone, clock).routes(),
            *RegistryFilesPage(pages, changes, zone, clock).routes(),
            *AccountPage(pages, archive, log_in, door.trail, clock).routes(),
            *UpdatesPage(pages, archive, door.trail).routes(),
            *PeoplePages(pages, archive, door.trail, clock, url).routes(),
        )
