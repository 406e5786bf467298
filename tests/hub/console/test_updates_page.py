"""The page of updates, and the same by the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.contract import names, update
from edge.contract.update import UpdateState
from edge.keys import load_or_make
from hub.archive.audit import AuditFilter
from hub.archive.scope import Scope
from hub.registry import accounts
from hub.rollouts.shelf import Shelf
from tests.harness import releases
from tests.hub.people import API
from tests.hub.site import Site


@pytest.fixture
def town(site: Site, tmp_path: Path) -> Site:
    """Two nodes that can be updated, and a release."""
    maker, deed = load_or_make(tmp_path / "maker.key"), site.actor().deed
    shelf = Shelf(site.archive.updates, tmp_path / "releases")
    shelf.trust(maker.public.text, "us", site.clock.utc(), deed)
    (tmp_path / "b.tar").write_bytes(b"bundle")
    made = releases.sign(maker, "0.2.0", {"aarch64": tmp_path / "b.tar"}, notes="Mới & <tốt>")
    shelf.add(made.write(tmp_path / "x.release"), site.clock.utc(), deed)
    for node in ("gate-1", "gate-2"):
        accounts.add(site.archive, node, "node", site.clock)
        site.archive.pin_key(node, bytes(31) + node[-1].encode(), site.clock.utc())
        said = UpdateState(names.VERSION, node, "0.1.0", "aarch64", "3.11", True, 0, "idle")
        site.archive.updates.put_state(said, update.encode_state(said), site.clock.utc())
    return site


def test_an_administrator_rolls_out_pauses_and_gives_up_by_page(town: Site) -> None:
    """Everything stands on one page, and each step in the trail under the person's name."""
    admin = town.client("admin", "administrator")
    page = admin.get("/updates")
    assert page.status == 200 and "0.2.0" in page.text and "Mới &amp; &lt;tốt&gt;" in page.text
    begun = admin.post_form(
        "/updates/begin", version="0.2.0", stages="node:gate-1 all", minutes="5"
    )
    assert begun.status == 303
    page = admin.get("/updates")
    assert "node:gate-1" in page.text and "under way" in page.text
    again = admin.post_form("/updates/begin", version="0.2.0", stages="all", minutes="5")
    assert again.status == 422 and "another roll-out is open" in again.text
    for what, state in (("pause", "paused"), ("resume", "running"), ("abort", "aborted")):
        assert admin.post_form("/updates/change", what=what).status == 303
        assert town.archive.updates.rollouts()[0].state == state
    assert admin.post_form("/updates/change", what="abort").status == 409
    assert admin.post_form("/updates/change", what="burn").status == 422
    entries = town.archive.audit.entries(AuditFilter(user="admin"), limit=20)
    actions = {each.deed.action for each in entries}
    assert {"rollout.begin", "rollout.pause", "rollout.resume", "rollout.abort"} <= actions
    assert "began a roll-out" in admin.get("/audit").text


@pytest.mark.parametrize(
    ("stages", "minutes", "complaint"),
    [("half", "5", "no stage"), ("all", "soon", "no number of minutes"), ("all", "-1", "no number"),
     ("all", "9" * 30, "no number")],
)  # fmt: skip
def test_what_cannot_be_begun_is_told_on_the_page(
    town: Site, stages: str, minutes: str, complaint: str
) -> None:
    """With what was typed still there."""
    admin = town.client("admin", "administrator")
    page = admin.post_form("/updates/begin", version="0.2.0", stages=stages, minutes=minutes)
    assert page.status == 422
    assert complaint in page.text and f'value="{stages}"' in page.text
    admin.cookies["camwatch-language"] = "vi"
    page = admin.post_form("/updates/begin", version="0.2.0", stages=stages, minutes=minutes)
    assert complaint not in page.text and "không phải" in page.text
    assert town.archive.updates.rollouts() == []


def test_nobody_else_sees_or_changes_updates(town: Site) -> None:
    """Neither by page nor by the API, whoever is no administrator of everything."""
    operator = town.client("operator", "operator")
    limited = town.client("limited", "administrator", Scope(areas=frozenset({"north"})))
    for client in (operator, limited):
        assert client.get("/updates").status == 403
        assert client.post_form("/updates/begin", version="0.2.0", stages="all").status == 403
        for path in ("releases", "rollouts", "updates", "update-groups"):
            assert client.get(f"{API}/{path}").status == 403
    assert town.archive.updates.rollouts() == []


def test_the_api_says_and_does_the_same(town: Site) -> None:
    """Groups, a roll-out by stages, and how far each node is."""
    town.add_user("root", "administrator")
    program = town.program("root", "administrator")
    assert program.send("PUT", f"{API}/update-groups/canary", {"nodes": ["gate-2"]}).status == 204
    assert program.send("PUT", f"{API}/update-groups/canary", {"nodes": ["none"]}).status == 422
    given = {"version": "0.2.0", "stages": ["group:canary", "all"], "healthy_s": 60}
    begun = program.send("POST", f"{API}/rollouts", given)
    assert begun.status == 201, begun.text
    assert begun.get("stages") == [
        {"title": "group:canary", "nodes": ["gate-2"]}, {"title": "all", "nodes": ["gate-1"]},
    ]  # fmt: skip
    assert program.send("POST", f"{API}/rollouts", given).status == 409
    assert program.send("POST", f"{API}/rollouts", given | {"version": "9.9"}).status == 404
    assert program.send("POST", f"{API}/rollouts/open/pause", None).get("state") == "paused"
    assert program.send("POST", f"{API}/rollouts/open/burn", None).status == 422
    assert program.get(f"{API}/updates").get(0, "node") == "gate-1"
    assert program.get(f"{API}/updates").get(1, "stage") == ""
    assert program.get(f"{API}/releases").get(0, "notes") == "Mới & <tốt>"
