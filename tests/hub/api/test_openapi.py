"""The OpenAPI document: complete, valid, published, and true of what the hub answers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import jsonschema
import pytest
from fastapi import FastAPI
from starlette.routing import Mount

from hub.api.route import GuardedRoute
from scripts.lib import openapi as published
from tests.hub.people import API
from tests.hub.site import Site

METHODS = {"get", "put", "post", "patch", "delete", "head"}


@pytest.fixture
def document(site: Site) -> dict[str, object]:
    """As the hub makes it."""
    (mount,) = [route for route in site.app.routes if isinstance(route, Mount)]
    assert isinstance(mount.app, FastAPI)
    return mount.app.openapi()


def operations(document: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    """Every operation with its name."""
    paths = document["paths"]
    assert isinstance(paths, dict)
    for path, item in paths.items():
        for method, operation in item.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def test_every_operation_says_what_it_does_needs_and_answers(document: dict[str, object]) -> None:
    """A description, a tag that is described, the least role, and the refusals."""
    tags = {tag["name"] for tag in document["tags"]}  # type: ignore[attr-defined]
    ids = set()
    for name, operation in operations(document):
        assert len(str(operation["description"])) > 15, name
        assert set(operation["tags"]) <= tags, name  # type: ignore[call-overload]
        assert operation["x-camwatch-needs"] in ("anyone", "viewer", "operator", "administrator")
        is_guarded = operation["x-camwatch-needs"] != "anyone"
        assert bool(operation.get("security")) is is_guarded, name
        answers = operation["responses"]
        assert isinstance(answers, dict)
        assert not is_guarded or {"401", "403"} <= set(answers), name
        assert {"422", "503"} <= set(answers), name
        ids.add(operation["operationId"])
    assert len(ids) == len(list(operations(document)))


def test_what_only_a_scope_of_everything_may_do_is_marked(
    site: Site, document: dict[str, object]
) -> None:
    """As the document's own text says; nothing else is marked."""
    marked = {name for name, each in operations(document) if "x-camwatch-needs-everything" in each}
    (mount,) = [route for route in site.app.routes if isinstance(route, Mount)]
    assert isinstance(mount.app, FastAPI)
    guarded = [each for each in mount.app.routes if isinstance(each, GuardedRoute)]
    assert marked == {
        f"{method} {each.path}"
        for each in guarded
        if each.is_for_all
        for method in each.methods or ()
    }
    assert {"POST /users", "PUT /areas/{code}"} <= marked
    assert "GET /events" not in marked


def test_every_error_is_json_also_where_the_answer_is_a_film(document: dict[str, object]) -> None:
    """What goes wrong before a picture or a stream begins is said as everywhere."""
    for name, operation in operations(document):
        answers = operation["responses"]
        assert isinstance(answers, dict)
        for status, answer in answers.items():
            kinds = set(answer.get("content", {"application/json": {}}))
            assert status < "400" or kinds == {"application/json"}, (name, status)


def test_the_document_is_the_published_one(document: dict[str, object]) -> None:
    """After a change of the API: scripts/write-schemas."""
    assert json.loads(published.PATH.read_text(encoding="utf-8")) == json.loads(
        json.dumps(document)
    )


def test_the_document_is_openapi_3_1_and_its_schemas_are_json_schemas(
    document: dict[str, object],
) -> None:
    """JSON Schema draft 2020-12, as OpenAPI 3.1 takes it."""
    assert str(document["openapi"]).startswith("3.1")
    components = document["components"]
    assert isinstance(components, dict)
    for schema in components["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_hub_gives_the_document_to_those_who_are_logged_in(site: Site) -> None:
    """Strangers learn nothing of the hub's insides."""
    assert site.stranger().get(f"{API}/openapi.json").status == 401
    reply = site.client("anna").get(f"{API}/openapi.json")
    assert reply.get("info", "title") == "Camwatch hub"
    assert reply.get("servers", 0, "url") == API
