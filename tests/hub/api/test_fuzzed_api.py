"""Requests made from the OpenAPI document, right and wrong ones: no server error, and every answer
is one that the document describes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import Mount

from tests.harness.credentials import Authority
from tests.hub.api.test_media import store
from tests.hub.console.test_now_page import camera, say
from tests.hub.people import API
from tests.hub.site import Site

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
ENDLESS = {"/live-updates"}
FEW, MANY = 4, 150  # requests to each operation


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Site]:
    """A site with something in it."""
    site = Site(Path(tmp_path_factory.mktemp("town")), authority)
    store(site)
    say(site, "gate-1", "healthy", camera("door"))
    yield site
    site.close()


def probe_all(site: Site, examples: int) -> None:
    """Send so many requests to each operation."""
    (mount,) = [route for route in site.app.routes if isinstance(route, Mount)]
    assert isinstance(mount.app, FastAPI)
    schema = schemathesis.openapi.from_dict(mount.app.openapi(), config=SchemathesisConfig())
    for number, result in enumerate(schema.get_all_operations()):
        operation: Any = result.ok()  # type: ignore[union-attr]  # the document is sound
        if operation.path not in ENDLESS:
            # Each its own: one that takes tokens or users away must not lock out those after it.
            user = f"fuzz-{examples}-{number}"
            site.add_user(user, "administrator")
            program = site.program(user, "administrator")
            assert program.get(f"{API}/session").status == 200
            _probe(operation, site, str(program.token), examples)


def _probe(operation: Any, site: Site, token: str, examples: int) -> None:
    @seed(1)
    @settings(
        max_examples=examples, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def probe(case: Any) -> None:
        answer = case.call(
            base_url=site.url + API,
            headers={"Authorization": f"Bearer {token}"},
            verify=str(site.ca_file),
        )
        is_node_away = answer.status_code == 503 and answer.json()["error"] == "offline"
        checks = [each for each in CHECKS if each is not not_a_server_error or not is_node_away]
        case.validate_response(answer, checks=checks)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that make the requests
        probe()


def test_a_few_requests_to_every_operation_are_answered_as_described(town: Site) -> None:
    """The same ones each time."""
    probe_all(town, FEW)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_requests_to_every_operation_are_answered_as_described(town: Site) -> None:
    """Raise CAMWATCH_FUZZ_EXAMPLES for more."""
    probe_all(town, int(os.environ.get("CAMWATCH_FUZZ_EXAMPLES", MANY)))
