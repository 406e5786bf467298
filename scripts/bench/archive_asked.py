"""Whom the archive's benchmark asks: a hub, as a program does, or the archive's interface."""

from __future__ import annotations

import http.client
import json
import random
import secrets
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from edge.base.clock import SystemClock, utc_text
from hub.archive import SqliteArchive
from hub.archive.audit import Deed
from hub.archive.people import NewUser
from hub.archive.registry_values import Registry
from hub.archive.scope import Scope
from hub.archive.values import EventFilter, PageKey
from hub.registry import filters, sessions, users
from hub.registry.users import Actor
from tests.harness.processes import HubProcess

PAGE, MAX_COUNT = 50, 10_000
SCOPES, AREAS_EACH = 5, 3
TIMEOUT_S = 120.0


class Asked(Protocol):
    """Answers the questions; each answer is told by how much it holds."""

    @property
    def scopes(self) -> Sequence[Scope]:
        """Of users who are held to some areas."""

    def page(self, where: EventFilter, before: PageKey | None = None) -> int:
        """How many events are on the page."""

    def count(self, where: EventFilter) -> int:
        """How many events fit, up to 10,000."""

    def timeline(self, where: EventFilter, since: datetime, until: datetime, bucket_ms: int) -> int:
        """How many cameras are in the timeline."""

    def hours(self, scope: Scope, since: datetime, until: datetime) -> int:
        """How many cameras are in the map of coverage."""

    def cpu_s(self) -> float:
        """The CPU time that was spent on answers so far."""

    def resident_mb(self) -> float:
        """The most memory that was resident in the process that answers."""


def some_scopes(registry: Registry, rng: random.Random) -> list[Scope]:
    """Of users held to three groups each."""
    groups = [each.code for each in registry.areas if each.kind == "group"]
    return [Scope(areas=frozenset(rng.sample(groups, AREAS_EACH))) for _ in range(SCOPES)]


def add_users(archive: SqliteArchive, scopes: Sequence[Scope], name: str) -> dict[Scope, str]:
    """A user for each scope, called by `name` and a number; a token of each."""
    actor = Actor(Deed(SystemClock().utc(), name, "command", "", ""))
    people, tokens = archive.people, {}
    for number, scope in enumerate(scopes):
        user = users.add(archive, NewUser(f"{name}-{number}", "", "viewer", scope), actor)
        users.set_password(people, user, secrets.token_urlsafe(16), actor)
        user = people.user_named(user.name) or user
        life = timedelta(days=1)
        _, tokens[scope] = sessions.add_token(archive, user, "benchmark", "viewer", life, actor)
    return tokens


class AskedArchive:
    """The archive's interface, in this process; CPU time is that of the asking thread."""

    def __init__(self, archive: SqliteArchive, scopes: Sequence[Scope]) -> None:
        self._archive = archive
        self.scopes = scopes

    def page(self, where: EventFilter, before: PageKey | None = None) -> int:
        return len(self._archive.events(where, limit=PAGE, before=before))

    def count(self, where: EventFilter) -> int:
        return self._archive.count(where, limit=MAX_COUNT).number

    def timeline(self, where: EventFilter, since: datetime, until: datetime, bucket_ms: int) -> int:
        return len(self._archive.density(where, since, until, bucket_ms))

    def hours(self, scope: Scope, since: datetime, until: datetime) -> int:
        return len(self._archive.coverage_hours(scope, since, until))

    def cpu_s(self) -> float:
        return time.thread_time()

    def resident_mb(self) -> float:
        return most_resident_mb("self")


class AskedHub:
    """A running hub, over HTTPS with tokens; a connection for each user is kept open, as browsers
    keep them. CPU time is that of all the hub's threads."""

    def __init__(self, hub: HubProcess, tokens: Mapping[Scope, str]) -> None:
        """`tokens` has one of a user who sees everything, and of others by their scope."""
        self.scopes = [scope for scope in tokens if not scope.is_everything]
        self._pid = hub.pid
        self._tokens = tokens
        parts = urlsplit(hub.url)
        context = ssl.create_default_context(cafile=hub.ca_file)
        self._lines = {
            scope: http.client.HTTPSConnection(
                str(parts.hostname), parts.port, timeout=TIMEOUT_S, context=context
            )
            for scope in tokens
        }

    def page(self, where: EventFilter, before: PageKey | None = None) -> int:
        more = {"limit": str(PAGE)} | ({} if before is None else {"before": str(before)})
        return len(_list(self._get("events", where, more)["events"]))

    def count(self, where: EventFilter) -> int:
        number = self._get("events-count", where, {"limit": str(MAX_COUNT)})["number"]
        return int(str(number))

    def timeline(self, where: EventFilter, since: datetime, until: datetime, bucket_ms: int) -> int:
        more = _span(since, until) | {"bucket": f"{bucket_ms}ms"}
        return len(_list(self._get("events-timeline", where, more)["cameras"]))

    def hours(self, scope: Scope, since: datetime, until: datetime) -> int:
        where = EventFilter(scope=scope)
        return len(_list(self._get("coverage-hours", where, _span(since, until))["cameras"]))

    def cpu_s(self) -> float:
        tasks = Path(f"/proc/{self._pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9

    def resident_mb(self) -> float:
        return most_resident_mb(str(self._pid))

    def close(self) -> None:
        """Let go of the connections."""
        for line in self._lines.values():
            line.close()

    def _get(self, path: str, where: EventFilter, more: dict[str, str]) -> dict[str, object]:
        query = "&".join(filter(None, (filters.text_of(where), urlencode(more))))
        line = self._lines[where.scope]
        headers = {"Authorization": f"Bearer {self._tokens[where.scope]}"}
        try:
            line.request("GET", f"/api/v1/{path}?{query}", headers=headers)
            answer = line.getresponse()
        except ConnectionError:  # the hub let go of one that was idle; a browser connects again
            line.close()
            line.request("GET", f"/api/v1/{path}?{query}", headers=headers)
            answer = line.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}?{query}: {answer.status} {body[:500].decode()}")
        found = json.loads(body)
        if not isinstance(found, dict):
            raise TypeError(f"{path}?{query}: not an object")
        return found


def most_resident_mb(process: str) -> float:
    """The most that a process had resident; 0 where the system does not tell."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _span(since: datetime, until: datetime) -> dict[str, str]:
    return {"since": utc_text(since), "until": utc_text(until)}


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"not a list: {str(value)[:100]}")
    return value
