"""The page of one event: what it shows of it, and marks and notes made there."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

from edge.contract.parts import Track
from edge.contract.record import FileDropped
from hub.archive.audit import AuditFilter
from hub.archive.registry_values import Area, Camera, Place
from hub.archive.scope import Scope
from hub.archive.values import Event
from hub.registry import edit
from tests.hub.archive.conformance import batch
from tests.hub.archive.tamper_conformance import tampering
from tests.hub.console.test_camera_settings_page import tell
from tests.hub.journals import START_UTC, Journal
from tests.hub.people import Client, Reply
from tests.hub.site import Site

PICTURE = b"\xff\xd8 a picture \xff\xd9"
CLIP = b"a clip"
WAY = Track("left", "inside", "right", ((0.1, 0.5), (0.6, 0.5)), ("path",), 0, 4000)


def archive_event(site: Site, node: str = "gate-1") -> Event:
    """An event with a clip and a picture, both stored."""
    journal = Journal(node)
    lines = journal.event(clip=CLIP, snapshot=PICTURE, tracks=(WAY,))
    lines.append(journal.watched(START_UTC - timedelta(minutes=5), START_UTC))
    site.archive.write(batch(lines))
    event_id = str(lines[0].header.event)
    for content, store in ((PICTURE, site.pictures), (CLIP, site.clips)):
        store.keep(content, hashlib.sha256(content).hexdigest())
    clip = site.archive.announced_clip(node, event_id, 0, hashlib.sha256(CLIP).hexdigest())
    shot = site.archive.announced_snapshot(node, event_id, hashlib.sha256(PICTURE).hexdigest())
    assert clip is not None and shot is not None
    site.archive.clip_stored(clip, site.clock.utc())
    site.archive.snapshots_stored([shot], site.clock.utc())
    (event,) = site.archive.events_by_id(event_id, limit=1)
    return event


def csrf(page: str) -> str:
    """What the page's own forms send along."""
    found = re.search(r'data-csrf="([^"]+)"', page)
    assert found is not None
    return found[1]


def remark(browser: Client, event: Event, **fields: str) -> Reply:
    """Send the page's own form, and nothing but it."""
    browser.csrf = None
    page = browser.get(f"/events/{event.id}").text
    return browser.post_form(f"/events/{event.id}/remark", csrf=csrf(page), **fields)


def test_an_event_shows_its_clip_its_picture_with_the_way_and_its_records(site: Site) -> None:
    """And that it was looked at is in the trail."""
    event = archive_event(site)
    page = site.client("anna").get(f"/events/{event.id}").text
    assert f'src="/api/v1/events/{event.id}/clips/0"' in page
    assert '<polyline class="way" points="100.0,500.0 600.0,500.0 "' in page
    assert "came in: left, went out: within the picture, to the right" in page
    assert '<rect class="watched"' in page and "2 signed records" in page
    (entry, *_) = site.archive.audit.entries(AuditFilter(action="event.view"), limit=9)
    assert (entry.deed.user, entry.deed.target) == ("anna", f"event:{event.id}")


def test_a_clip_that_is_lost_is_not_said_to_be_on_its_way(site: Site) -> None:
    """Another that is, is; a part that is here plays, and the page says that more is to come."""
    journal = Journal("gate-1")
    lines = journal.event(clip=b"the second part", more_parts=(CLIP,))
    site.archive.write(batch(lines))
    address = f"/events/{lines[0].header.event}"
    browser = site.client("anna")
    assert "The clip is still on the node" in browser.get(address).text
    (event,) = site.archive.events_by_id(str(lines[0].header.event), limit=1)
    drop(site, journal, event, b"the second part")
    page = browser.get(address).text
    assert "Part 2 will never come" in page and "The clip is still on the node" in page
    drop(site, journal, event, CLIP)
    page = browser.get(address).text
    assert "Part 1 will never come" in page and "Part 2 will never come" in page
    assert "on its way" not in page and "There is no clip" not in page


def test_a_clip_that_is_here_in_part_says_that_more_is_to_come(site: Site) -> None:
    """And that no more is, once its node said so; what is here is not called lost."""
    journal = Journal("gate-1")
    lines = journal.event(clip=b"the second part", more_parts=(CLIP,))
    site.archive.write(batch(lines))
    event_id = str(lines[0].header.event)
    digest = hashlib.sha256(CLIP).hexdigest()
    clip = site.archive.announced_clip("gate-1", event_id, 0, digest)
    assert clip is not None
    site.archive.clip_stored(clip, site.clock.utc())
    browser = site.client("anna")
    assert "Another part is still on the node" in browser.get(f"/events/{event_id}").text
    (event,) = site.archive.events_by_id(event_id, limit=1)
    for content in (CLIP, b"the second part"):
        drop(site, journal, event, content)
    page = browser.get(f"/events/{event_id}").text
    assert "Part 2 will never come" in page and "Part 1 will never come" not in page
    assert "Another part" not in page and 'id="player"' in page


def drop(site: Site, journal: Journal, event: Event, content: bytes) -> None:
    """The node says that a file of that event will never come."""
    digest = hashlib.sha256(content).hexdigest()
    body = FileDropped("clip", digest, len(content), "missing")
    site.archive.write(batch([journal.add(body, event=event.id)]))


def test_an_operator_marks_and_notes_and_it_is_in_archive_and_trail(site: Site) -> None:
    """By the page's own form."""
    event = archive_event(site)
    browser = site.client("binh", "operator")
    note = "hai người, đường Đào Duy Anh"
    reply = remark(browser, event, mark="confirmed", note=note)
    assert (reply.status, reply.headers["location"]) == (303, f"/events/{event.id}")
    assert note in browser.get(f"/events/{event.id}").text
    (after,) = site.archive.events_by_id(event.id, limit=1)
    assert after.mark == "confirmed"
    actions = [each.deed.action for each in site.archive.audit.entries(AuditFilter(), limit=20)]
    assert {"event.mark", "event.note"} <= set(actions)


def test_a_viewer_has_no_form_and_may_not_mark(site: Site) -> None:
    """Nor may a page of another site mark for an operator."""
    event = archive_event(site)
    browser = site.client("chi", "viewer")
    assert 'id="remark"' not in browser.get(f"/events/{event.id}").text
    assert remark(browser, event, mark="seen").status == 403
    operator = site.client("dung", "operator")
    operator.csrf = None
    wrong = csrf(browser.get(f"/events/{event.id}").text)
    assert operator.post_form(f"/events/{event.id}/remark", csrf=wrong, mark="seen").status == 403
    (after,) = site.archive.events_by_id(event.id, limit=1)
    assert after.mark == "new"


def test_a_note_that_cannot_be_kept_is_said_on_the_page(site: Site) -> None:
    """With what is wrong with it, and nothing is changed."""
    event = archive_event(site)
    browser = site.client("binh", "operator")
    reply = remark(browser, event, mark="seen", note="x" * 2001)
    assert reply.status == 422 and "at most 2000 are kept" in reply.text
    browser.cookies["camwatch-language"] = "vi"
    reply = remark(browser, event, mark="seen", note="x" * 2001)
    assert "có 2001 ký tự, chỉ lưu được nhiều nhất 2000" in reply.text
    assert "are kept" not in reply.text
    (after,) = site.archive.events_by_id(event.id, limit=1)
    assert after.mark == "new"


def test_an_event_of_another_area_is_not_there(site: Site) -> None:
    """Nor is it a neighbour of one that is."""
    mine, other = archive_event(site, "gate-1"), archive_event(site, "gate-2")
    for node, area in (("gate-1", "north"), ("gate-2", "south")):
        edit.change(
            site.archive,
            lambda registry, node=node, area=area: edit.put_camera(  # type: ignore[misc]
                edit.put_area(registry, Area(area, "town", area.title())),
                Camera(node, "door", places=(Place(area=area),)),
            ),
        )
    browser = site.client("anna", "viewer", Scope(areas=frozenset({"north"})))
    assert browser.get(f"/events/{other.id}").status == 404
    page = browser.get(f"/events/{mine.id}").text
    assert "North" in page and other.id not in page


def test_an_event_under_a_clock_that_was_not_set_says_what_is_known(site: Site) -> None:
    """In whole sentences, also where nothing is known of how early it was."""
    journal = Journal("gate-1", start_utc=site.clock.utc() - timedelta(hours=1))
    journal.reboot("c" * 32, clock="unsynced", wrong_by=timedelta(days=-20000))
    lines = journal.event()
    site.archive.write(batch(lines))
    (event,) = site.archive.events_by_id(str(lines[0].header.event), limit=1)
    assert event.earliest_utc is None and event.latest_utc is not None
    page = site.client("anna").get(f"/events/{event.id}").text
    assert "how long before is not known" in page and "–</time>" not in page
    assert "not before" not in page


def test_a_tampering_says_what_is_wrong_and_how_it_ended(site: Site) -> None:
    """In its heading and among its facts."""
    lines = tampering(Journal("gate-1"))
    site.archive.write(batch(lines))
    page = site.client("anna").get(f"/events/{lines[0].header.event}").text
    assert "the lens is covered; the camera sees as before" in page
    assert '<span class="state bad">tampered with</span> <span>the lens is covered' in page


def test_the_zones_of_then_are_drawn_over_the_picture_with_their_names(site: Site) -> None:
    """The one that the event touched stands out; masks are there too."""
    event = archive_event(site)
    client = site.client("anna")
    assert 'id="zones"' not in client.get(f"/events/{event.id}").text
    tell(site)
    page = client.get(f"/events/{event.id}").text
    assert 'id="zones"' in page and 'class="mask"' in page
    touched = "zone touched" if "path" in event.zones else "zone"
    assert f'<polygon class="{touched}"' in page and ">path</text>" in page
    assert "as it is now" in page
