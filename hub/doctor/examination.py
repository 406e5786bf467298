"""All checks of a hub in their order: what it stands on first, then who speaks with it."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from edge import __version__
from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.findings import Finding, failed, of_error, passed, warned
from edge.base.timesync import Machine
from edge.base.units import format_duration
from edge.keys import KeyFileError, PublicKey
from hub.archive.opening import open_to_read, problems_now
from hub.config import HubSettings
from hub.doctor import archive as archive_checks
from hub.doctor import servers
from hub.doctor.doors import doors

MAX_ERROR_MS = 2000


def examine(settings: HubSettings, clock: Clock) -> Iterator[Finding]:
    """Look at everything. Raises nothing of its own."""
    now = clock.utc()
    python = platform.python_version()
    yield passed("version", f"camwatch-hub {__version__}, Python {python}, {platform.machine()}")
    yield passed("settings", f"state in {settings.state_path}")
    yield _key(settings)
    yield _time()
    yield _zone(settings)
    yield from _archive(settings, clock)
    yield from servers.broker(settings, now)
    yield from servers.web(settings.http, now)
    yield from doors(settings, now)
    problems = problems_now(settings)
    for each in problems:
        yield failed(f"problem.{each.what}", each.text, "see the hub's log")
    if not problems:
        yield passed("problems", "the hub noted none")


def _archive(settings: HubSettings, clock: Clock) -> Iterator[Finding]:
    try:
        archive = open_to_read(settings)
    except StorageError as err:
        yield of_error("archive", err)
        for check in ("archive.room", "broker.files", "audit", "people", "nodes"):
            yield archive_checks.away(check)
        return
    try:
        yield passed("archive", f"{settings.archive_path} opens")
        yield from archive_checks.room(settings)
        yield archive_checks.broker_files(archive, settings)
        yield archive_checks.trail(archive, settings)
        yield archive_checks.people(archive)
        yield from archive_checks.nodes(archive, clock.utc())
    except StorageError as err:
        yield of_error("archive", err)
    finally:
        archive.close()


def _key(settings: HubSettings) -> Finding:
    path = settings.key_path.with_suffix(".pub")
    try:
        key = PublicKey.from_text(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, KeyFileError) as err:
        return failed("key", f"{path} cannot be used: {err}", "the hub makes it at its start")
    return passed("key", f"nodes know this hub by the key {key.fingerprint}")


def _time() -> Finding:
    remedy = "let the hub reach a time server: timedatectl tells more"
    reading = Machine().read()
    if reading is None:
        return failed("time", "the clock was never set from the network in this boot", remedy)
    error = format_duration(reading.error_ms / 1000)
    if not reading.is_synced:
        return warned("time", f"the clock was set once and runs free now, by {error} then", remedy)
    if reading.error_ms > MAX_ERROR_MS:
        return warned("time", f"the clock is set, but may be off by {error}", remedy)
    return passed("time", f"the clock is set from the network, to within {error}")


def _zone(settings: HubSettings) -> Finding:
    name = settings.zone.key
    if settings.time_zone is None and name in ("UTC", "Etc/UTC"):
        text = "times are shown in UTC, as the system's zone is"
        return warned("time.zone", text, "set time_zone, such as Asia/Ho_Chi_Minh")
    return passed("time.zone", f"times are shown as in {name}")
