"""Every route of the hub, and who gets through. A new route fails here until it is in the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount, Route

from hub.api.route import GuardedRoute
from hub.archive.audit import AuditFilter
from hub.archive.people import ROLES, UserRole
from hub.archive.scope import EVERYTHING, Scope
from hub.console.pages import needs_of
from hub.registry.access import is_enough
from tests.harness.credentials import Authority
from tests.hub.api.test_media import store
from tests.hub.console.test_now_page import camera, place, say
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
"""Pages and uploads, and the least role that each needs. A new page belongs in here, and if
it shows one camera's footage, in FOOTAGE_PAGES too."""

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

FOOTAGE = {
    "GET /events/{event_id}",
    "GET /events/{event_id}/neighbours",
    "POST /events/{event_id}/remarks",
    "GET /events/{event_id}/snapshots/{sha256}",
    "GET /events/{event_id}/clips/{part}",
    "GET /nodes/{node}",
    "GET /nodes/{node}/health",
    "GET /nodes/{node}/cameras/{camera}/coverage",
    "POST /nodes/{node}/cameras/{camera}/trial",
    "GET /nodes/{node}/settings",
    "GET /nodes/{node}/settings/versions",
}
"""What is about one camera's footage: for those outside of its area it is not there."""

GUARDED_PAGES = {name for name in PAGES if PAGES[name] in ROLES} - {"POST /logout"}

BODIES = {
    "POST /events/{event_id}/remarks": {"mark": "seen"},
    "POST /nodes/{node}/cameras/{camera}/trial": {"motion": {}},
}

FOOTAGE_PAGES = {
    "GET /events/{event_id}",
    "POST /events/{event_id}/remark",
    "GET /nodes/{node}",
    "GET /nodes/{node}/cameras/{camera}",
    "GET /nodes/{node}/cameras/{camera}/state",
    "GET /nodes/{node}/cameras/{camera}/history",
    "GET /live/{node}/{camera}",
    "GET /coverage/{node}/{camera}",
}

LISTS = {
    "GET /events", "GET /events-timeline?since=2025-12-31&bucket=1d", "GET /coverage-hours",
    "GET /cameras", "GET /nodes", "GET /gaps", "GET /tokens", "GET /registry",
}  # fmt: skip
"""What lists: for those outside of an area nothing of it is in there."""

FOOTAGE_STREAMS = {
    "GET /nodes/{node}/cameras/{camera}/live", "GET /nodes/{node}/cameras/{camera}/picture",
}  # fmt: skip
"""Footage that the node is asked for now, and here it is away."""

STREAMS = {"GET /live-updates", *FOOTAGE_STREAMS}


@dataclass
class Town:
    """A site with one event in the north, and a browser of each role, which sees the south only or
    everything."""

    site: Site
    values: dict[str, str]
    everywhere: dict[UserRole, Client]
    south: dict[UserRole, Client]

    def path(self, template: str) -> str:
        """The path with the event's own values in it."""
        return template.replace("{path:path}", "x/y.css").format(**self.values)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Town]:
    """One for all tests here; they change nothing that another needs."""
    site = Site(Path(tmp_path_factory.mktemp("town")), authority)
    stored = store(site)
    say(site, "gate-1", "healthy", camera("door"))
    place(site, "gate-1", "door", "north")
    values = {
        "act": "pause",
        "event_id": stored.event, "part": "0", "sha256": stored.picture.rpartition("/")[2],
        "node": "gate-1", "camera": "door", "name": "nobody", "token_id": "999",
        "code": "nothing", "version": "9", "table": "areas", "id": "0" * 32, "secret": "x",
    }  # fmt: skip
    south = Scope(areas=frozenset({"south"}))
    yield Town(
        site,
        values,
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
    path = ("" if is_page else API) + town.path(template)
    path += "?since=2025-12-31T00:00:00Z" if name.endswith("/coverage") else ""
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


@pytest.mark.parametrize("name", sorted(FOOTAGE_PAGES))
def test_another_area_s_footage_is_on_no_page(town: Town, name: str) -> None:
    """404 as well, and the page is there for those who may see it."""
    assert send(town.south["administrator"], town, name, is_page=True) == 404
    assert send(town.everywhere["administrator"], town, name, is_page=True) in (200, 303)


@pytest.mark.parametrize("name", sorted(FOOTAGE))
@pytest.mark.parametrize("role", ROLES)
def test_another_area_s_footage_is_not_there_for_any_role(
    town: Town, name: str, role: UserRole
) -> None:
    """404, as for what never was; and it is there for those who may."""
    needs = CALLS[name]
    expected = {404} if is_enough(role, needs) else {403}  # type: ignore[arg-type]
    assert send(town.south[role], town, name) in expected
    if is_enough(role, needs):  # type: ignore[arg-type]
        assert send(town.everywhere[role], town, name) == 200


@pytest.mark.parametrize("name", sorted(FOOTAGE_STREAMS))
@pytest.mark.parametrize("role", ROLES)
def test_another_area_s_stream_is_not_there_either(town: Town, name: str, role: UserRole) -> None:
    """404, while those who may are told that the node is away."""
    assert send(town.south[role], town, name) == 404
    assert send(town.everywhere[role], town, name) == 503


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_list_names_nothing_of_another_area(town: Town, name: str) -> None:
    """Not the node, not the event."""
    path = API + name.removeprefix("GET ")
    reply = town.south["administrator"].get(path)
    assert reply.status == 200
    assert "gate-1" not in reply.text and town.values["event_id"] not in reply.text


def test_an_administrator_of_an_area_does_not_administrate_users(town: Town) -> None:
    """They could make themselves one of everything."""
    client = town.south["administrator"]
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
