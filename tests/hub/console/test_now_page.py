"""The start page: what each camera does, and whose cameras are on it."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

from edge.contract import health, names, status
from edge.contract.health import CameraHealth, Health, OutboxHealth
from edge.contract.parts import ClockStamp
from edge.contract.record import BlindCause
from edge.contract.status import Status
from hub.archive.audit import AuditFilter
from hub.archive.registry_values import Area, Camera, Place, Registry
from hub.archive.scope import Scope
from hub.archive.values import Batch, EventFilter, HealthNote, Remark, StatusNote
from hub.registry import edit
from tests.hub.archive.conformance import batch
from tests.hub.archive.tamper_conformance import tampering
from tests.hub.journals import BOOT, Journal
from tests.hub.site import ZONE, Site

PICTURE = b"\xff\xd8 a picture \xff\xd9"
KEY = "A" * 43 + "="


def say(site: Site, node: str, state: str, *cameras: CameraHealth) -> None:
    """Archive a node's status and health, as of now."""
    now_utc = site.clock.utc()
    shown = Status(
        names.VERSION, "offline" if state == "offline" else "online", BOOT, "0.1.0", "0" * 16, KEY,
        tuple(each.camera for each in cameras),
    )  # fmt: skip
    report = Health(
        names.VERSION, now_utc, ClockStamp("synced", BOOT, 1, 5), 1.0, 1.0, 1, 1, 1, cameras,
        OutboxHealth(0, 0, 0, 0, 0.0),
    )  # fmt: skip
    assert status.decode(status.encode(shown)) == shown
    notes = (HealthNote(node, health.encode(report), now_utc),) if state == "healthy" else ()
    site.archive.write(Batch(statuses=(StatusNote(node, shown, now_utc),), healths=notes))


def camera(name: str, *, lost: bool = False, blind: BlindCause | None = None) -> CameraHealth:
    """A camera's health."""
    return CameraHealth(
        name, "lost" if lost else "watching", 15.0, 1e6, 4.0, 6.0, 1000, 0, 0, False, 30.0, blind
    )


def shown(page: str) -> list[tuple[str, str]]:
    """Each camera's title and condition, in their order."""
    cards = re.findall(r'<li class="card">(.*?)</li>', page, re.DOTALL)
    return [
        (
            re.findall("<h3><a [^>]*>(.*?)</a></h3>", each)[0],
            re.findall(r'class="state \w*">([^<]*)<', each)[0],
        )
        for each in cards
    ]


def place(site: Site, node: str, name: str, area: str) -> None:
    """Put a camera into an area of that code."""

    def how(registry: Registry) -> Registry:
        with_area = edit.put_area(registry, Area(area, "town", area.title()))
        return edit.put_camera(with_area, Camera(node, name, places=(Place(area=area),)))

    edit.change(site.archive, how)


def test_troubled_cameras_come_first_each_with_a_word_for_its_trouble(site: Site) -> None:
    """A shape and a colour go with the word, never alone."""
    say(site, "gate-1", "healthy", camera("well"), camera("gone", lost=True))
    say(site, "gate-2", "healthy", camera("dark", blind="black"))
    say(site, "gate-3", "offline", camera("away"))
    say(site, "gate-4", "silent", camera("quiet"))
    page = site.client("anna").get("/").text
    assert shown(page) == [
        ("gone", "no pictures"),
        ("dark", "not watching"),
        ("away", "not connected"),
        ("quiet", "no word"),
        ("well", "watching"),
    ]
    assert "4 cameras are not watched" in page and "1 camera is watched" in page
    site.clock.advance(200)
    assert ("well", "no word") in shown(site.client("binh").get("/now/cameras").text)


def test_the_newest_picture_is_shown_and_its_view_is_written_to_the_trail(site: Site) -> None:
    """By its own address, which is guarded like any footage."""
    lines = Journal("gate-1").event(snapshot=PICTURE)
    site.archive.write(batch(lines))
    digest = hashlib.sha256(PICTURE).hexdigest()
    shot = site.archive.announced_snapshot("gate-1", str(lines[0].header.event), digest)
    assert shot is not None
    site.pictures.keep(PICTURE, digest)
    site.archive.snapshots_stored([shot], site.clock.utc())
    say(site, "gate-1", "healthy", camera("door"))
    browser = site.client("anna")
    (url,) = re.findall(r'<img src="(/api/[^"]+)"', browser.get("/now/cameras").text)
    assert browser.get(url).body == PICTURE
    (entry, *_) = site.archive.audit.entries(AuditFilter(action="snapshot.view"), limit=9)
    assert (entry.deed.user, entry.deed.target) == ("anna", f"event:{lines[0].header.event}")


def test_nobody_sees_cameras_and_events_of_another_area(site: Site) -> None:
    """Not their names either."""
    for node, area in (("gate-1", "north"), ("gate-2", "south")):
        site.archive.write(batch(Journal(node).event()))
        say(site, node, "healthy", camera("door"))
        place(site, node, "door", area)
    page = site.client("anna", "viewer", Scope(areas=frozenset({"north"}))).get("/").text
    assert "gate-1" in page and "gate-2" not in page
    everything = site.client("binh").get("/").text
    assert "gate-1" in everything and "gate-2" in everything
    nothing = site.client("chi", "viewer", Scope(areas=frozenset({"west"}))).get("/").text
    assert "gate-" not in nothing and "An administrator can change that" in nothing


def test_an_empty_hub_says_what_to_do(site: Site) -> None:
    """In the language of whoever looks."""
    browser = site.client("anna")
    assert "node add" in browser.get("/").text
    browser.post_form("/language", language="vi", next="/")
    assert "Chưa có camera" in browser.get("/").text


def test_times_are_in_the_hub_s_zone_with_the_offset_on_hover(site: Site) -> None:
    """Whatever zone the browser is in."""
    site.archive.write(batch(Journal("gate-1").event()))
    (event,) = site.archive.events(EventFilter(), limit=1, before=None)
    local = event.started_utc.astimezone(ZONE)
    page = site.client("anna").get("/now/events").text
    assert f'title="{local:%Y-%m-%d %H:%M:%S} UTC+07:00"' in page
    assert f">{local:%H:%M:%S}" in page


def test_tampering_that_nobody_looked_at_comes_before_newer_events(site: Site) -> None:
    """With what is wrong; once it is marked it stands where its time puts it."""
    journal = Journal("gate-1", start_utc=site.clock.utc() - timedelta(hours=1))
    site.archive.write(batch([*tampering(journal), *journal.event()]))
    browser = site.client("anna")
    page = browser.get("/now/events").text
    assert page.index("Look at these first") < page.index("the lens is covered")
    assert page.index("the lens is covered") < page.index("motion")
    (event,) = site.archive.events(EventFilter(kinds=("tampered",)), limit=2, before=None)
    site.archive.remark(event, Remark("binh", site.clock.utc(), "seen", None))
    page = browser.get("/now/events").text
    assert "Look at these first" not in page
    assert page.index("motion") < page.index("the lens is covered")


def test_events_bear_the_name_that_people_gave_their_camera(site: Site) -> None:
    """Not the node's word for it."""
    site.archive.write(batch(Journal("gate-1").event()))
    titled = Camera("gate-1", "door", "Cổng số 3", places=(Place(),))
    edit.change(site.archive, lambda registry: edit.put_camera(registry, titled))
    assert "<strong>Cổng số 3</strong>" in site.client("anna").get("/now/events").text
