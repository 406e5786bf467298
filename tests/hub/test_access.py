"""Every route of the hub, and who gets through. A new route fails here until it is in the table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from starlette.routing import BaseRoute, Mount, Route

from edge.contract.record import FileDropped
from hub.api.route import GuardedRoute
from hub.archive.audit import AuditFilter
from hub.archive.node_values import GapFilter
from hub.archive.people import ROLES, UserRole
from hub.archive.registry_values import Area, Camera, Organisation, Place, Registry
from hub.archive.scope import EVERYTHING, Scope
from hub.console.pages import needs_of
from hub.registry import edit, plans, settings
from hub.registry.access import is_enough
from hub.registry.settings import Author
from tests.harness.credentials import Authority
from tests.hub.api.test_media import store
from tests.hub.archive.conformance import batch
from tests.hub.console.test_now_page import camera, place, say
from tests.hub.console.test_registry_pages import PNG
from tests.hub.journals import Journal
from tests.hub.people import API, Client
from tests.hub.site import PASSWORD, Site

STRANGERS = "anyone"
NODES = "nodes"  # their own name and secret: tests/hub/api/test_uploads.py, test_traces.py

PAGES = {
    "GET /healthz": STRANGERS,
    "OPTIONS /uploads": STRANGERS,
    "POST /uploads": NODES,
    "HEAD /uploads/{id}": NODES,
    "PATCH /uploads/{id}": NODES,
    "DELETE /uploads/{id}": NODES,
    "POST /streams/{id}": NODES,
    "PUT /traces/{camera}/{name}": NODES,
    "POST /enrol": STRANGERS,
    "GET /static/{path:path}": STRANGERS,
    "GET /login": STRANGERS,
    "POST /login": STRANGERS,
    "POST /logout": "viewer",
    "GET /welcome/{secret}": STRANGERS,
    "POST /welcome/{secret}": STRANGERS,
    "POST /language": STRANGERS,
    "GET /": "viewer",
    "GET /now/cameras": "viewer",
    "GET /now/events": "viewer",
    "GET /account": "viewer",
    "POST /account/password": "viewer",
    "POST /account/tokens": "viewer",
    "POST /account/tokens/revoke": "viewer",
    "GET /updates": "administrator",
    "POST /updates/begin": "administrator",
    "POST /updates/change": "administrator",
    "GET /users": "administrator",
    "POST /users/add": "administrator",
    "POST /users/change": "administrator",
    "GET /audit": "administrator",
    "GET /events": "viewer",
    "POST /saved-filters": "viewer",
    "POST /saved-filters/remove": "viewer",
    "GET /events/{event_id}": "viewer",
    "POST /events/{event_id}/remark": "operator",
    "GET /live": "viewer",
    "GET /live/{node}/{camera}": "viewer",
    "GET /coverage": "viewer",
    "GET /coverage/{node}/{camera}": "viewer",
    "GET /nodes": "viewer",
    "GET /nodes/{node}": "viewer",
    "GET /nodes/{node}/cameras/{camera}": "viewer",
    "GET /nodes/{node}/cameras/{camera}/state": "viewer",
    "GET /nodes/{node}/cameras/{camera}/history": "viewer",
    "POST /nodes/{node}/cameras/{camera}/trial": "operator",
    "GET /join": "administrator",
    "POST /join": "administrator",
    "POST /join/list": "administrator",
    "POST /nodes/{node}/replace": "administrator",
    "POST /nodes/{node}/revoke": "administrator",
    "GET /registry": "viewer",
    "POST /registry/areas": "administrator",
    "POST /registry/areas/remove": "administrator",
    "GET /registry/areas/{code}": "administrator",
    "GET /registry/organisations": "viewer",
    "POST /registry/organisations": "administrator",
    "POST /registry/organisations/remove": "administrator",
    "GET /registry/organisations/{code}": "administrator",
    "GET /registry/cameras": "viewer",
    "POST /registry/cameras": "administrator",
    "POST /registry/cameras/remove": "administrator",
    "GET /registry/cameras/{node}/{camera}": "administrator",
    "GET /registry/plans": "viewer",
    "POST /registry/plans": "administrator",
    "POST /registry/plans/remove": "administrator",
    "GET /registry/plans/{code}": "viewer",
    "GET /registry/plans/{code}/marks": "viewer",
    "POST /registry/plans/{code}/cameras": "administrator",
    "GET /registry/files": "viewer",
    "POST /registry/files": "administrator",
    "GET /registry/files/{table}.csv": "viewer",
}
"""Pages and uploads, and the least role that each needs. A new page belongs in here; what it must
not tell of other areas follows from its path, see `kind_of`."""

CALLS = {
    "POST /session": STRANGERS,
    "GET /session": "viewer",
    "DELETE /session": "viewer",
    "POST /session/password": "viewer",
    "GET /events": "viewer",
    "GET /events-count": "viewer",
    "GET /events-timeline": "viewer",
    "GET /events/{event_id}": "viewer",
    "GET /events/{event_id}/neighbours": "viewer",
    "POST /events/{event_id}/remarks": "operator",
    "GET /events/{event_id}/snapshots/{sha256}": "viewer",
    "GET /events/{event_id}/clips/{part}": "viewer",
    "GET /cameras": "viewer",
    "GET /nodes": "viewer",
    "GET /nodes/{node}": "viewer",
    "GET /nodes/{node}/health": "viewer",
    "POST /nodes": "administrator",
    "POST /nodes/import": "administrator",
    "POST /nodes/{node}/replace": "administrator",
    "POST /nodes/{node}/revoke": "administrator",
    "GET /nodes/{node}/cameras/{camera}/coverage": "viewer",
    "GET /nodes/{node}/settings": "viewer",
    "PUT /nodes/{node}/settings": "operator",
    "GET /nodes/{node}/settings/versions": "viewer",
    "GET /nodes/{node}/settings/versions/{version}": "viewer",
    "POST /nodes/{node}/settings/check": "operator",
    "POST /nodes/{node}/settings/undo": "operator",
    "GET /coverage-hours": "viewer",
    "GET /saved-filters": "viewer",
    "PUT /saved-filters": "viewer",
    "DELETE /saved-filters": "viewer",
    "GET /nodes/{node}/cameras/{camera}/live": "viewer",
    "GET /nodes/{node}/cameras/{camera}/picture": "viewer",
    "POST /nodes/{node}/cameras/{camera}/trial": "operator",
    "GET /gaps": "viewer",
    "GET /problems": "viewer",
    "GET /registry": "viewer",
    "PUT /areas/{code}": "administrator",
    "DELETE /areas/{code}": "administrator",
    "PUT /organisations/{code}": "administrator",
    "DELETE /organisations/{code}": "administrator",
    "PUT /plans/{code}": "administrator",
    "DELETE /plans/{code}": "administrator",
    "GET /plans/{code}/picture": "viewer",
    "GET /registry/{table}": "viewer",
    "PUT /registry/{table}": "administrator",
    "DELETE /nodes/{node}/cameras/{camera}": "administrator",
    "PUT /nodes/{node}/cameras/{camera}/title": "administrator",
    "POST /nodes/{node}/cameras/{camera}/places": "administrator",
    "GET /releases": "administrator",
    "GET /rollouts": "administrator",
    "POST /rollouts": "administrator",
    "POST /rollouts/open/{act}": "administrator",
    "GET /updates": "administrator",
    "GET /update-groups": "administrator",
    "PUT /update-groups/{name}": "administrator",
    "GET /users": "administrator",
    "POST /users": "administrator",
    "GET /users/{name}": "administrator",
    "PATCH /users/{name}": "administrator",
    "POST /users/{name}/link": "administrator",
    "GET /tokens": "viewer",
    "POST /tokens": "viewer",
    "DELETE /tokens/{token_id}": "viewer",
    "GET /audit": "administrator",
    "GET /audit/head": "administrator",
    "GET /live-updates": "viewer",
    "GET /openapi.json": "viewer",
}
"""The API's, below /api/v1."""

Kind = Literal["footage", "list", "of all", "neither", "unguarded"]

FOOTAGE_PART = re.compile(r"\{(event_id|node|camera|code)\}")
"""What names an event, a node, a camera or a plan in a path."""

NEITHER = {
    "DELETE /session": "ends one's own",
    "POST /session/password": "one's own",
    "PUT /saved-filters": "one's own",
    "DELETE /saved-filters": "one's own",
    "POST /tokens": "one's own; test_users.py has their scopes",
    "DELETE /tokens/{token_id}": "one's own, by test_users.py",
    "GET /live-updates": "does not end; test_events.py reads it",
}
NEITHER_PAGES = {
    "POST /logout": "ends one's own session",
    "POST /account/password": "one's own",
    "POST /account/tokens": "one's own",
    "POST /account/tokens/revoke": "one's own",
    "POST /saved-filters": "one's own",
    "POST /saved-filters/remove": "one's own",
}
"""Routes that are neither of footage nor list anything of it, and why not."""

SILENT = {
    "GET /session": "who asks",
    "GET /saved-filters": "one's own",
    "GET /tokens": "one's own",
    "GET /problems": "of the hub itself, and there are none",
    "GET /openapi.json": "the same for all",
}
SILENT_PAGES = {
    "GET /account": "one's own",
    "GET /registry/files": "which files there are",
}
"""Lists that name nothing of the north to those either who see everything, and why not."""

NUMBERS = {"GET /events-count", "GET /events-timeline"}
"""Lists that count without names: those who see everything get other numbers."""

QUERIES = {
    "GET /events-timeline": "?since=2026-02-28&until=2026-03-03&bucket=1d",
    "GET /nodes/{node}/cameras/{camera}/coverage": "?since=2025-12-31T00:00:00Z",
}


def kind_of(name: str, needs: str, neither: Collection[str]) -> Kind | None:
    """What a route must keep to: that of one event, node, camera or plan is not there for those
    outside of its area; one that lists names nothing of it; those of administrators are for those
    who see everything. None for a new one of another sort, which belongs in `neither`, or in a
    test of its own and there too."""
    if needs in (STRANGERS, NODES):
        return "unguarded"
    if name in neither:
        return "neither"
    if needs == "administrator":
        return "of all"
    if FOOTAGE_PART.search(name):
        return "footage"
    return "list" if name.startswith("GET ") else None


def of_kind(kind: Kind, table: Mapping[str, str], neither: Collection[str]) -> list[str]:
    """Routes of a table."""
    return sorted(name for name, needs in table.items() if kind_of(name, needs, neither) == kind)


GUARDED_PAGES = {name for name in PAGES if PAGES[name] in ROLES} - {"POST /logout"}

MOTION = {"cameras": {"door": {"motion": {"sensitivity": 4}}}}
BODIES: dict[str, object] = {
    "POST /events/{event_id}/remarks": {"mark": "seen"},
    "PUT /nodes/{node}/settings": {"settings": MOTION},
    "POST /nodes/{node}/settings/check": {"settings": MOTION},
    "POST /nodes/{node}/settings/undo": {"to": 1},
    "POST /nodes/{node}/cameras/{camera}/trial": {"motion": {}, "days": 1},
}

FOOTAGE = of_kind("footage", CALLS, NEITHER)
FOOTAGE_PAGES = of_kind("footage", PAGES, NEITHER_PAGES)
LISTS = of_kind("list", CALLS, NEITHER)
LIST_PAGES = of_kind("list", PAGES, NEITHER_PAGES)

FOOTAGE_STREAMS = {
    "GET /nodes/{node}/cameras/{camera}/live", "GET /nodes/{node}/cameras/{camera}/picture",
}  # fmt: skip
"""Footage that the node is asked for now, and here it is away."""

STREAMS = {"GET /live-updates", *FOOTAGE_STREAMS}


@dataclass
class Town:
    """A site with an event, a plan, a lost file and a gap in the north, and a browser of each role,
    which sees the south only or everything. The node wall-1 has a camera in each of the two.

    `secrets` are what of the north no answer to the south may hold.
    """

    site: Site
    values: dict[str, str]
    secrets: tuple[str, ...]
    everywhere: dict[UserRole, Client]
    south: dict[UserRole, Client]

    def path(self, method: str, template: str) -> str:
        """The path with the event's own values in it; nothing that is there is removed."""
        values = self.values
        if method in ("GET", "HEAD") and "plans/" in template:
            values = values | {"code": "yard"}
        return template.replace("{path:path}", "x/y.css").format(**values)


def settle(site: Site) -> None:
    """The north with its cameras, their owner, and a plan."""

    def how(registry: Registry) -> Registry:
        registry = edit.put_area(registry, Area("north", "town", "North Quarter"))
        return edit.put_organisation(
            registry, Organisation("north-school", "North School", "school")
        )

    def cameras(registry: Registry) -> Registry:
        place = Place(None, "north", "north-school", "yard", 0.5, 0.5)
        registry = edit.put_camera(registry, Camera("gate-1", "door", places=(place,)))
        return edit.put_camera(registry, Camera("wall-1", "vault", places=(place,)))

    edit.change(site.archive, how)
    plans.keep(site.archive, site.plans, "yard", "Yard", "north", PNG)
    edit.change(site.archive, cameras)


def lose(site: Site) -> list[str]:
    """Have both nodes tell of an event of the north whose clip is lost, and of time watched there,
    and gate-1 miss a record; the events and hashes."""
    told = []
    for node, name in (("gate-1", "door"), ("wall-1", "vault")):
        content = f"the clip of {node}".encode()
        journal = Journal(node, seed=2)
        lines = journal.event(camera=name, clip=content)
        event, sha256 = str(lines[0].header.event), hashlib.sha256(content).hexdigest()
        dropped = FileDropped("clip", sha256, len(content), "quota", 0)
        lines.append(journal.add(dropped, camera=name, event=event))
        if node == "gate-1":
            journal.booted()  # on its way
            lines.append(journal.booted())
        site.archive.write(batch(lines))
        told += [event, sha256]
        begun_utc = site.clock.utc() - timedelta(hours=3)
        watching = Journal(node, seed=3, start_utc=begun_utc)
        line = watching.watched(begun_utc, begun_utc + timedelta(hours=2), camera=name)
        site.archive.write(batch([line]))
    return told


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Town]:
    """One for all tests here; they change nothing that another needs."""
    site = Site(Path(tmp_path_factory.mktemp("town")), authority)
    stored = store(site)
    say(site, "gate-1", "healthy", camera("door"))
    say(site, "wall-1", "healthy", camera("vault"), camera("shown"))
    place(site, "wall-1", "shown", "south")
    settle(site)
    lost = lose(site)
    assert site.archive.gaps(GapFilter()) and len(site.archive.lost_files(GapFilter())) == 2
    author = Author("test", site.clock.utc(), None)
    settings.make(site.archive, "gate-1", MOTION, author, based_on=0)
    values = {
        "act": "pause",
        "event_id": stored.event, "part": "0", "sha256": stored.picture.rpartition("/")[2],
        "node": "gate-1", "camera": "door", "name": "nobody", "token_id": "999",
        "code": "nothing", "version": "1", "table": "cameras", "id": "0" * 32, "secret": "x",
    }  # fmt: skip
    south = Scope(areas=frozenset({"south"}))
    yield Town(
        site,
        values,
        (stored.event, "gate-1", "vault", "North Quarter", "north-school", "yard", *lost),
        {role: site.client(f"all-{role}", role, EVERYTHING) for role in ROLES},
        {role: site.client(f"south-{role}", role, south) for role in ROLES},
    )
    site.close()


def names(routes: list[BaseRoute]) -> Iterator[tuple[str, BaseRoute]]:
    """Method and path of every route, HEAD only where it is by itself."""
    for route in routes:
        if isinstance(route, Mount):
            continue
        assert isinstance(route, Route | GuardedRoute), route
        methods = route.methods or set()
        for method in methods - {"HEAD"} or methods:
            yield f"{method} {route.path}", route


def api_routes(site: Site) -> list[BaseRoute]:
    """Those below /api/v1."""
    (mount,) = [route for route in site.app.routes if isinstance(route, Mount)]
    assert mount.path == API
    return list(mount.routes)


def send(client: Client, town: Town, name: str, *, is_page: bool = False) -> int:
    """The status of a request by that name."""
    method, _, template = name.partition(" ")
    path = ("" if is_page else API) + town.path(method, template)
    path += "" if is_page else QUERIES.get(name, "")
    if name in BODIES:
        return client.send(method, path, BODIES[name]).status
    if is_page and method == "POST":
        return client.post_form(path).status
    headers = {"Accept": "text/html"} if is_page else {}
    return client.request(method, path, headers=headers).status


def test_every_route_is_in_the_table_with_what_it_needs(town: Town) -> None:
    """So nobody adds one without saying who may."""
    pages = {name: needs_of(route) for name, route in names(town.site.app.routes)}  # type: ignore[arg-type]
    assert set(pages) == set(PAGES)
    declared = {name: needs for name, needs in pages.items() if needs is not None}
    assert declared == {name: PAGES[name] for name in declared}
    bare = {name for name, needs in pages.items() if needs is None}
    assert {PAGES[name] for name in bare} <= {STRANGERS, NODES}
    calls = dict(names(api_routes(town.site)))
    assert set(calls) == set(CALLS)
    for name, route in calls.items():
        assert isinstance(route, GuardedRoute) and route.needs == CALLS[name], name


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_stranger_sees_no_page_but_those_for_strangers(town: Town, name: str) -> None:
    """They are sent to the log-in; what a form changes says 401, and so do uploads."""
    status = send(town.site.stranger(), town, name, is_page=True)
    if PAGES[name] == STRANGERS:
        assert status not in (401, 303) or name in ("POST /language", "POST /login")
    elif PAGES[name] == NODES:
        assert status in (401, 412)
    else:
        assert status == (303 if name.startswith("GET") else 401)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_stranger_gets_no_answer_but_those_for_strangers(town: Town, name: str) -> None:
    """401, before anything of the request is looked at."""
    status = send(town.site.stranger(), town, name)
    assert (status == 401) is (CALLS[name] != STRANGERS)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", sorted(GUARDED_PAGES))
def test_a_role_sees_its_pages_and_403_for_the_rest(town: Town, name: str, role: UserRole) -> None:
    """Whatever the address bar says."""
    status = send(town.everywhere[role], town, name, is_page=True)
    assert (status == 403) is not is_enough(role, PAGES[name])  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", sorted(set(CALLS) - STREAMS - {"DELETE /session"}))
def test_a_role_gets_what_it_may_and_403_for_the_rest(
    town: Town, name: str, role: UserRole
) -> None:
    """A viewer writes nothing of others, an operator administrates nothing."""
    status = send(town.everywhere[role], town, name)
    needs = CALLS[name]
    if is_enough(role, needs):  # type: ignore[arg-type]  # the table's words are roles here
        assert status in (200, 201, 204, 404, 409, 422), name
    else:
        assert status == 403


@pytest.mark.parametrize(
    ("table", "neither"), [(CALLS, NEITHER), (PAGES, NEITHER_PAGES)], ids=["calls", "pages"]
)
def test_every_route_is_of_a_kind(table: dict[str, str], neither: dict[str, str]) -> None:
    """So nobody adds one without a word on what it tells of other areas."""
    unknown = {name for name, needs in table.items() if kind_of(name, needs, neither) is None}
    assert unknown == set(), "neither list nor footage: test it, and say so in NEITHER"
    assert set(neither) <= set(table)
    assert {*SILENT, *NUMBERS} <= set(LISTS) and set(SILENT_PAGES) <= set(LIST_PAGES)


@pytest.mark.parametrize("name", FOOTAGE_PAGES)
def test_another_area_s_footage_is_on_no_page(town: Town, name: str) -> None:
    """404 as well, and the page is there for those who may see it."""
    assert send(town.south["administrator"], town, name, is_page=True) == 404
    assert send(town.everywhere["administrator"], town, name, is_page=True) in (200, 303)


@pytest.mark.parametrize("name", FOOTAGE)
@pytest.mark.parametrize("role", ROLES)
def test_another_area_s_footage_is_not_there_for_any_role(
    town: Town, name: str, role: UserRole
) -> None:
    """404, as for what never was; and it is there for those who may, or its node is away."""
    if not is_enough(role, CALLS[name]):  # type: ignore[arg-type]  # the table's words are roles
        assert send(town.south[role], town, name) == 403
        return
    assert send(town.south[role], town, name) == 404
    found = 503 if name in FOOTAGE_STREAMS else 200
    assert send(town.everywhere[role], town, name) == found


def tells(client: Client, town: Town, name: str, *, is_page: bool = False) -> str:
    """What a list says; JSON and HTML escape nothing of the secrets."""
    method, _, template = name.partition(" ")
    path = ("" if is_page else API) + town.path(method, template) + QUERIES.get(name, "")
    reply = client.request(method, path, headers={"Accept": "text/html"} if is_page else {})
    assert reply.status == 200, reply.text
    return reply.text


@pytest.mark.parametrize("name", LISTS)
def test_a_list_names_nothing_of_another_area(town: Town, name: str) -> None:
    """Not the node, not the event, not what is lost of it; and to those who may it does."""
    text = tells(town.south["administrator"], town, name)
    assert not [each for each in town.secrets if each in text]
    if name not in SILENT:
        told = tells(town.everywhere["administrator"], town, name)
        assert told != text and (name in NUMBERS or any(each in told for each in town.secrets))


@pytest.mark.parametrize("name", LIST_PAGES)
def test_a_page_that_lists_names_nothing_of_another_area(town: Town, name: str) -> None:
    """The same for people."""
    text = tells(town.south["administrator"], town, name, is_page=True)
    assert not [each for each in town.secrets if each in text]
    if name not in SILENT_PAGES:
        told = tells(town.everywhere["administrator"], town, name, is_page=True)
        assert any(each in told for each in town.secrets)


@pytest.mark.parametrize("is_page", [False, True])
def test_a_node_of_two_areas_tells_each_its_own(town: Town, is_page: bool) -> None:
    """Its other camera, and what is lost of it, are not there."""
    south = town.south["administrator"]
    for name in FOOTAGE_PAGES if is_page else FOOTAGE:
        method, _, template = name.partition(" ")
        if method != "GET" or "{node}" not in template:
            continue
        path = ("" if is_page else API) + template + ("" if is_page else QUERIES.get(name, ""))
        values = {"node": "wall-1", "version": "1"}
        if "{camera}" in template:
            assert south.get(path.format(**values, camera="vault")).status == 404, name
        if name not in FOOTAGE_STREAMS:
            reply = south.get(path.format(**values, camera="shown"))
            assert reply.status == 200 or "{version}" in template, name
            assert not [each for each in town.secrets if each in reply.text], name


def test_an_administrator_of_an_area_does_not_administrate_users(town: Town) -> None:
    """They could make themselves one of everything. Nor nodes, nor updates, on no page either."""
    client = town.south["administrator"]
    for name in of_kind("of all", PAGES, NEITHER_PAGES):
        assert send(client, town, name, is_page=True) == 403, name
    for name, needs in CALLS.items():
        if needs == "administrator":
            assert send(client, town, name) == 403, name
    user = {"name": "eve", "role": "administrator"}
    assert client.send("POST", f"{API}/users", user).get("error") == "scope"


def test_a_refusal_is_in_the_trail(town: Town) -> None:
    """Who was refused what."""
    send(town.everywhere["viewer"], town, "GET /audit")
    where = AuditFilter(user="all-viewer", action="access", target="GET /api/v1/audit")
    (entry,) = town.site.archive.audit.entries(where, limit=10)
    assert (entry.deed.outcome, entry.deed.detail) == ("refused", {"needs": "administrator"})


def test_a_token_cannot_be_used_as_a_session_nor_a_session_as_a_token(town: Town) -> None:
    """Each secret opens its own door."""
    cookie = next(iter(town.everywhere["viewer"].cookies.values()))
    assert (
        Client(town.site.url, town.site.ca_file, token=cookie).get(f"{API}/session").status == 401
    )
    browser = town.site.stranger()
    program = town.site.program("all-viewer")
    browser.cookies = {"__Host-camwatch": str(program.token)}
    assert browser.get(f"{API}/session").status == 401
    assert browser.log_in("all-viewer", PASSWORD).status == 200
