"""Snapshots and clips over HTTPS: ranges, caching, who may, and what the trail says."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import pytest

from hub.archive.audit import AuditFilter
from hub.archive.scope import NOTHING, Scope
from tests.hub.archive.conformance import batch
from tests.hub.journals import Journal
from tests.hub.people import API
from tests.hub.site import Site

CLIP = os.urandom(300_000)
PICTURE = b"\xff\xd8 a picture \xff\xd9"


@dataclass(frozen=True)
class Stored:
    """An event whose clip and picture are here."""

    event: str
    clip: str
    picture: str


def store(site: Site, node: str = "gate-1") -> Stored:
    """Archive an event with its files."""
    lines = Journal(node).event(clip=CLIP, snapshot=PICTURE)
    site.archive.write(batch(lines))
    event = str(lines[0].header.event)
    clip_hash, picture_hash = (hashlib.sha256(each).hexdigest() for each in (CLIP, PICTURE))
    site.clips.keep(CLIP, clip_hash)
    site.pictures.keep(PICTURE, picture_hash)
    clip = site.archive.announced_clip(node, event, 0, clip_hash)
    shot = site.archive.announced_snapshot(node, event, picture_hash)
    assert clip is not None and shot is not None
    site.archive.clip_stored(clip, site.clock.utc())
    site.archive.snapshots_stored([shot], site.clock.utc())
    return Stored(
        event,
        f"{API}/events/{event}/clips/0",
        f"{API}/events/{event}/snapshots/{picture_hash}",
    )


@pytest.fixture
def stored(site: Site) -> Stored:
    """One."""
    return store(site)


def actions(site: Site) -> list[str]:
    """What the trail says of footage, newest first."""
    found = site.archive.audit.entries(AuditFilter(), limit=1000)
    return [
        each.deed.action
        for each in found
        if each.deed.action.startswith(("clip.", "snapshot.", "event."))
    ]


def test_a_clip_comes_whole_or_by_ranges(site: Site, stored: Stored) -> None:
    """As a player seeks: from somewhere, the end, beyond; RFC 9110 section 14."""
    client = site.client("anna")
    whole = client.get(stored.clip)
    assert (whole.status, whole.headers["content-type"]) == (200, "video/mp4")
    assert whole.body == CLIP
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-length"] == "300000"
    assert "content-disposition" not in whole.headers
    for given, first, last in (
        ("0-", 0, 299_999),
        ("1000-1999", 1000, 1999),
        ("-500", 299_500, 299_999),
    ):
        part = client.get(stored.clip, Range=f"bytes={given}")
        assert (part.status, part.headers["content-range"]) == (206, f"bytes {first}-{last}/300000")
        assert part.body == CLIP[first : last + 1]
    beyond = client.get(stored.clip, Range="bytes=300000-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, "bytes */300000")


def test_a_range_of_another_version_gets_the_whole_file(site: Site, stored: Stored) -> None:
    """If-Range by the content's hash; If-None-Match saves sending what the browser has."""
    client = site.client("anna")
    etag = client.get(stored.clip).headers["etag"]
    assert etag == f'"{hashlib.sha256(CLIP).hexdigest()}"'
    same = client.get(stored.clip, Range="bytes=0-9", If_Range=etag)
    other = client.get(stored.clip, Range="bytes=0-9", If_Range='"other"')
    assert (same.status, other.status) == (206, 200)
    assert client.get(stored.clip, If_None_Match=etag).status == 304
    assert client.get(stored.picture, If_None_Match='"other"').status == 200


def test_a_download_has_a_name_that_says_what_it_holds(site: Site, stored: Stored) -> None:
    """Node, camera and time; and the trail tells it from playing."""
    client = site.client("anna")
    reply = client.get(f"{stored.clip}?download=true")
    name = reply.headers["content-disposition"]
    assert name.startswith('attachment; filename="gate-1-') and name.endswith('Z.mp4"')
    client.get(stored.clip)
    assert actions(site) == ["clip.play", "clip.download"]


def test_one_play_is_one_entry_however_many_ranges_it_takes(site: Site, stored: Stored) -> None:
    """But every person's play is theirs, and a play later that day is another."""
    anna, binh = site.client("anna"), site.client("binh")
    for start in range(0, 300_000, 30_000):
        anna.get(stored.clip, Range=f"bytes={start}-{start + 29_999}")
    binh.get(stored.clip)
    assert actions(site) == ["clip.play", "clip.play"]
    site.clock.advance(601)
    anna.get(stored.clip)
    assert actions(site) == ["clip.play"] * 3
    newest = site.archive.audit.entries(AuditFilter(action="clip.play"), limit=1)[0].deed
    assert (newest.user, newest.by, newest.target) == ("anna", "session", f"event:{stored.event}")
    assert newest.detail == {
        "camera": "gate-1/door", "part": "0", "sha256": hashlib.sha256(CLIP).hexdigest(),
    }  # fmt: skip


def test_each_part_is_an_entry_and_so_is_each_download(site: Site) -> None:
    """Who took the second half of an event away is as much of the trail as who took the first."""
    first = os.urandom(1000)
    hashes = [hashlib.sha256(each).hexdigest() for each in (first, CLIP)]
    lines = Journal("gate-1").event(clip=CLIP, more_parts=(first,))
    site.archive.write(batch(lines))
    event = str(lines[0].header.event)
    for part, content in enumerate((first, CLIP)):
        site.clips.keep(content, hashes[part])
        clip = site.archive.announced_clip("gate-1", event, part, hashes[part])
        assert clip is not None
        site.archive.clip_stored(clip, site.clock.utc())
    client = site.client("anna")
    for _ in range(2):
        for part in (0, 1):
            path = f"{API}/events/{event}/clips/{part}"
            assert client.get(path).status == client.get(f"{path}?download=true").status == 200
    found = site.archive.audit.entries(AuditFilter(action="clip."), limit=100)
    told = sorted((e.deed.action, e.deed.detail["part"], e.deed.detail["sha256"]) for e in found)
    assert told == sorted(
        [("clip.download", str(part), hashes[part]) for part in (0, 1) for _ in range(2)]
        + [("clip.play", str(part), hashes[part]) for part in (0, 1)]
    )


def test_footage_outside_of_the_scope_is_not_there(site: Site, stored: Stored) -> None:
    """Neither by its address nor in the trail; a stranger learns nothing at all."""
    for name, scope in (("anna", NOTHING), ("binh", Scope(areas=frozenset({"elsewhere"})))):
        client = site.client(name, "administrator", scope)
        for url in (stored.clip, stored.picture):
            assert (client.get(url).status, client.get(url).get("error")) == (404, "not_found")
    assert actions(site) == []
    assert site.stranger().get(stored.clip).status == 401
    assert (
        site.stranger().get(f"{API}/events/{'0' * 8}-0000-0000-0000-{'0' * 12}/clips/0").status
        == 401
    )


def test_what_has_not_arrived_is_told_apart_from_what_never_was(site: Site) -> None:
    """404 both, with another word."""
    lines = Journal("gate-1").event(clip=CLIP, snapshot=PICTURE)
    site.archive.write(batch(lines))
    event = str(lines[0].header.event)
    client = site.client("anna")
    assert client.get(f"{API}/events/{event}/clips/0").get("error") == "not_here"
    assert client.get(f"{API}/events/{event}/clips/1").get("error") == "not_found"
    digest = hashlib.sha256(PICTURE).hexdigest()
    assert client.get(f"{API}/events/{event}/snapshots/{digest}").get("error") == "not_here"
    assert client.get(f"{API}/events/{event}/snapshots/{'0' * 64}").get("error") == "not_found"
    assert client.get(f"{API}/events/{event}/snapshots/..x").status == 422


def test_a_file_that_is_gone_from_the_disk_is_a_failure_of_storage(
    site: Site, stored: Stored
) -> None:
    """Not an empty clip."""
    client = site.client("anna")
    site.clips.path_of(hashlib.sha256(CLIP).hexdigest()).unlink()
    assert client.get(stored.clip).get("error") == "storage"
