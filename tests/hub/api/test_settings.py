"""Nodes' settings over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.contract import applied, names
from edge.contract.applied import Applied, Failure, FieldProblem
from edge.contract.status import Status
from hub.archive.audit import AuditFilter
from hub.archive.registry_values import Area, Camera, Place, Registry
from hub.archive.scope import Scope
from hub.archive.settings_values import AppliedNote
from hub.archive.values import Batch, StatusNote
from hub.registry import settings
from hub.registry.settings import Author
from tests.hub.journals import BOOT, START_UTC, Journal
from tests.hub.people import API
from tests.hub.site import Site

SETTINGS = f"{API}/nodes/gate-1/settings"
ALL = [[0, 0], [1, 0], [1, 1], [0, 1]]


def of_door(**part: Any) -> dict[str, Any]:
    return {"cameras": {"door": part}}


GROUP = Scope(areas=frozenset({"to-1"}))
YARD = "192.0.2.66"


def say(site: Site, version: int = 0, failure: Failure | None = None, **more: Any) -> None:
    """What the node has of its two cameras."""
    camera = {"source": "rtsp://192.0.2.7/", "motion": {"sensitivity": 6}}
    cameras = {"door": camera, "yard": camera}
    said = Applied(
        v=names.VERSION, node="gate-1", version=version, state="applied" if version else "local",
        seen=max(version, failure.version if failure else 0), at_utc=START_UTC, failure=failure,
        settings={"log_level": "info", "cameras": cameras}, **more,
    )  # fmt: skip
    note = AppliedNote(said, applied.encode(said), START_UTC)
    site.archive.write(Batch(applied=(note,)))


def known(site: Site) -> None:
    """A node with two cameras, of which `door` is in the group to-1."""
    journal = Journal()
    status = Status(
        1, "online", BOOT, "0.1.0", journal.epoch, journal.key.public.text, ("door", "yard")
    )
    site.archive.write(Batch(statuses=(StatusNote("gate-1", status, START_UTC),)))
    say(site)
    areas = (Area("dong", "town", "Phường Đông"), Area("to-1", "group", "Tổ 1", "dong"))
    cameras = (Camera("gate-1", "door", "", (Place(None, "to-1"),)), Camera("gate-1", "yard"))
    before = site.archive.registry()
    assert site.archive.replace_registry(before, Registry(0, areas, (), (), cameras))


def test_an_administrator_sets_looks_back_and_undoes(site: Site) -> None:
    """Each change is a version, and stands in the trail."""
    known(site)
    admin = site.client("admin", "administrator")
    assert admin.get(SETTINGS).get("text") == ""
    four = {"settings": of_door(motion={"sensitivity": 4}), "note": "mưa", "based_on": 0}
    made = admin.send("PUT", SETTINGS, four)
    assert (made.get("version"), made.get("user"), made.get("state")) == (1, "admin", "wanted")
    source = {"settings": of_door(source="rtsp://192.0.2.8/")}
    assert admin.send("PUT", SETTINGS, source).get("version") == 2
    stale = admin.send("PUT", SETTINGS, four)
    assert (stale.status, stale.get("error")) == (409, "conflict")
    undone = admin.send("POST", f"{SETTINGS}/undo", {})
    assert (undone.get("version"), undone.get("undoes")) == (3, 1)
    assert undone.get("settings") == four["settings"]
    listed = admin.get(f"{SETTINGS}/versions")
    assert [each["version"] for each in listed.json] == [3, 2, 1]  # type: ignore[attr-defined]
    assert admin.get(f"{SETTINGS}/versions/1").get("note") == "mưa"
    assert admin.get(f"{SETTINGS}/versions/7").status == 404
    shown = admin.get(SETTINGS)
    assert shown.get("text") == "settings 3 wanted, none applied: not answered yet"
    assert shown.get("applied", "settings", "cameras", "door", "motion", "sensitivity") == 6
    found = site.archive.audit.entries(AuditFilter(action="settings.change"), limit=99)
    told = [(each.deed.outcome, each.deed.target, each.deed.detail["how"]) for each in found]
    assert told == [
        ("done", "node:gate-1", "undo"), ("refused", "node:gate-1", "set"),
        ("done", "node:gate-1", "set"), ("done", "node:gate-1", "set"),
        ("done", "node:gate-1", "set"),
    ]  # fmt: skip


def test_each_wrong_field_is_named_with_the_remedy(site: Site) -> None:
    """As the node itself would say it; what is checked only is not kept."""
    known(site)
    admin = site.client("admin", "administrator")
    wrong = {"settings": of_door(motion={"sensitivty": 4}, source="rtsp://a:b@192.0.2.7/")}
    for method, path in (("PUT", SETTINGS), ("POST", f"{SETTINGS}/check")):
        reply = admin.send(method, path, wrong)
        assert (reply.status, reply.get("error")) == (422, "settings")
        fields = {each["field"]: each["message"] for each in reply.get("fields")}  # type: ignore[attr-defined]
        assert "did you mean sensitivity?" in fields["body.settings.cameras.door.motion.sensitivty"]
    masked = {"settings": of_door(motion={"masks": [{"points": ALL}]})}
    checked = admin.send("POST", f"{SETTINGS}/check", masked)
    assert "nothing of the picture" in str(checked.get("warnings", 0))
    assert "cameras.door.motion.masks: - ->" in str(checked.get("changes", 0))
    assert site.archive.settings_versions("gate-1") == []


def test_an_operator_tunes_motion_in_scope_and_nothing_else(site: Site) -> None:
    """What they do not see stays as it was; a viewer changes nothing."""
    known(site)
    admin = site.client("admin", "administrator")
    before = of_door(source="rtsp://192.0.2.8/", armed=False)
    before["cameras"]["yard"] = {"motion": {"sensitivity": 2}}
    assert admin.send("PUT", SETTINGS, {"settings": before}).status == 200
    operator = site.client("op", "operator", GROUP)
    shown = operator.get(SETTINGS)
    assert shown.get("newest", "settings") == of_door(armed=False)
    assert set(shown.get("applied", "settings", "cameras")) == {"door"}  # type: ignore[call-overload]
    tuned = {"settings": of_door(armed=False, motion={"sensitivity": 3})}
    assert operator.send("PUT", SETTINGS, tuned).status == 200
    kept = site.archive.settings_versions("gate-1")[0].settings
    before["cameras"]["door"]["motion"] = {"sensitivity": 3}
    assert kept == before
    for given in (
        of_door(armed=True, motion={"sensitivity": 3}),
        of_door(armed=False, source="rtsp://192.0.2.9/"),
        of_door(armed=False, motion={"masks": [{"points": ALL}]}),
        of_door(armed=False) | {"log_level": "debug"},
    ):
        reply = operator.send("PUT", SETTINGS, {"settings": given})
        assert (reply.status, reply.get("error")) == (403, "forbidden"), reply.text
    assert operator.send("POST", f"{SETTINGS}/undo", {"to": 0}).status == 403
    viewer = site.client("v", "viewer", GROUP)
    assert viewer.get(SETTINGS).status == 200
    assert viewer.send("PUT", SETTINGS, tuned).status == 403
    outside = site.client("x", "operator", Scope(areas=frozenset({"tay"})))
    assert outside.get(SETTINGS).status == 404
    assert outside.send("PUT", SETTINGS, tuned).status == 404


def of_both(site: Site) -> None:
    """An administrator set the address of `yard`, of which an operator of `door` knows nothing."""
    known(site)
    plain = of_door(motion={"sensitivity": 4})
    plain["cameras"]["yard"] = {"source": f"rtsp://{YARD}/", "user": "nam", "motion": {
        "masks": [{"points": ALL}]}}  # fmt: skip
    admin = site.client("admin", "administrator")
    assert admin.send("PUT", SETTINGS, {"settings": plain}).status == 200


def is_told_of_yard(text: str) -> bool:
    return any(word in text for word in ("yard", YARD, "nam"))


def test_a_check_shows_nothing_outside_of_the_scope(site: Site) -> None:
    """Neither addresses nor names nor warnings; of the own cameras no address either."""
    of_both(site)
    given = {"settings": of_door(motion={"sensitivity": 3})}
    reply = site.client("op", "operator", GROUP).send("POST", f"{SETTINGS}/check", given)
    assert reply.get("settings") == given["settings"] and reply.get("warnings") == []
    assert reply.get("changes") == ["cameras.door.motion.sensitivity: 4 -> 3"]
    assert not is_told_of_yard(reply.text)
    whole = site.client("all", "operator").send("POST", f"{SETTINGS}/check", given)
    assert set(whole.get("settings", "cameras")) == {"door", "yard"}  # type: ignore[call-overload]
    assert YARD not in whole.text


def test_an_operator_is_not_told_which_cameras_there_are_elsewhere(site: Site) -> None:
    """One answer for a camera outside of the scope and for one that is nowhere."""
    of_both(site)
    operator = site.client("op", "operator", GROUP)
    answers = []
    for name in ("yard", "shed"):
        given = {"settings": {"cameras": {name: {"motion": {"sensitivity": 9}}}}}
        for method, path in (("PUT", SETTINGS), ("POST", f"{SETTINGS}/check")):
            reply = operator.send(method, path, given)
            answers.append((reply.status, str(reply.get("message")).replace(name, "NAME")))
    assert answers == [(403, "cameras.NAME: there is no such camera in your scope")] * 4
    undone = operator.send("POST", f"{SETTINGS}/undo", {"to": 0})
    assert undone.status == 403 and not is_told_of_yard(undone.text)


def test_what_does_not_fit_elsewhere_is_told_without_names(site: Site) -> None:
    """The operator's change cannot be made, and that is all that they learn."""
    of_both(site)
    author = Author("admin", START_UTC)
    settings.make(site.archive, "gate-1", of_door(), author)
    newest = site.archive.settings_versions("gate-1")[0]
    stale = dict(newest.settings) | {"cameras": {"yard": {"disarmed_by": "nam"}}}
    kept = settings._version(site.archive, "gate-1", newest.version, stale, author)
    assert site.archive.add_settings(kept, newest=newest.version) is not None
    given = {"settings": of_door(motion={"sensitivity": 3})}
    reply = site.client("op", "operator", GROUP).send("PUT", SETTINGS, given)
    assert reply.status == 422 and "outside of your scope" in reply.text
    assert not is_told_of_yard(reply.text)
    whole = site.client("all", "operator").send("PUT", SETTINGS, given)
    assert "cameras.yard" in whole.text


def test_a_nodes_answer_is_told_as_far_as_the_scope_goes(site: Site) -> None:
    """Its free text may name any camera; problems and warnings name theirs."""
    of_both(site)
    ours = FieldProblem("cameras.door", "the node has no such camera", "known: yard")
    theirs = FieldProblem("cameras.yard.source", f"{YARD} is no address")
    failure = Failure(
        1, "refused", "invalid", f"2 fields are wrong: {theirs.path}", START_UTC, (ours, theirs)
    )
    masked = "cameras.yard.motion: masks and zones leave nothing of the picture to watch"
    say(site, failure=failure, warnings=(masked,), from_hub=("cameras.yard.source",))
    operator = site.client("op", "operator", GROUP)
    for path in (SETTINGS, f"{SETTINGS}/versions", f"{SETTINGS}/versions/1"):
        reply = operator.get(path)
        assert not is_told_of_yard(reply.text)
        assert ours.message in reply.text
    assert operator.get(SETTINGS).get("text") == "settings 1 wanted, none applied: refused"
    whole = site.client("all", "operator").get(SETTINGS)
    assert theirs.path in str(whole.get("text")) and masked in json.dumps(whole.json)


def test_what_an_administrator_set_meanwhile_is_not_lost(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator's version holds what they do not see: of the version that it was made from."""
    of_both(site)
    make, undo = settings.make, settings.undo
    author = Author("admin", START_UTC)

    def meanwhile(how: Any) -> Any:
        def late(*given: Any, **named: Any) -> Any:
            monkeypatch.undo()
            make(site.archive, "gate-1", {"cameras": {"yard": {"armed": False}}}, author)
            return how(*given, **named)

        return late

    operator = site.client("op", "operator", GROUP)
    tuned = {"settings": of_door(motion={"sensitivity": 3})}
    monkeypatch.setattr(settings, "make", meanwhile(make))
    reply = operator.send("PUT", SETTINGS, tuned)
    assert (reply.status, reply.get("error")) == (409, "conflict")
    assert operator.send("PUT", SETTINGS, tuned).status == 200
    monkeypatch.setattr(settings, "undo", meanwhile(undo))
    assert operator.send("POST", f"{SETTINGS}/undo", {}).status == 409
    kept = site.archive.settings_versions("gate-1")[0].settings
    assert kept == {"cameras": {"yard": {"armed": False}}}


@pytest.mark.parametrize(
    "motion",
    [
        {"min_area": 1.0},
        {"min_frames": 50, "analysis_fps": 0.5},
        {"expert": {"floor": 100}},
        {"zones": [{"name": "all", "points": ALL, "min_area": 0.5}]},
        {"masks": [{"points": ALL}]},
    ],
)
def test_an_operator_does_not_blind_a_camera(site: Site, motion: dict[str, Any]) -> None:
    """By no number either; an administrator is warned."""
    known(site)
    given = {"settings": of_door(motion=motion)}
    reply = site.client("op", "operator", GROUP).send("PUT", SETTINGS, given)
    assert reply.status == 403, reply.text
    assert "only for administrators: cameras.door.motion" in str(reply.get("message"))
    assert site.archive.settings_versions("gate-1") == []
    admin = site.client("admin", "administrator")
    assert admin.send("POST", f"{SETTINGS}/check", given).get("warnings", 0)
    assert admin.send("PUT", SETTINGS, given).status == 200


def test_what_an_administrator_narrowed_does_not_stop_an_operator(site: Site) -> None:
    """On other cameras or on this one: they may let it be or ease it, not make it worse."""
    known(site)
    admin = site.client("admin", "administrator")
    narrow = of_door(motion={"min_area": 0.2})
    narrow["cameras"]["yard"] = {"motion": {"masks": [{"points": ALL}]}}
    assert admin.send("PUT", SETTINGS, {"settings": narrow}).status == 200
    operator = site.client("op", "operator", GROUP)
    for motion, status in (
        ({"min_area": 0.2, "sensitivity": 4}, 200), ({"min_area": 0.3}, 403),
        ({"min_area": 0.1}, 200), ({"min_area": 0.2}, 403), ({}, 200),
    ):  # fmt: skip
        reply = operator.send("PUT", SETTINGS, {"settings": of_door(motion=motion)})
        assert reply.status == status, (motion, reply.text)
