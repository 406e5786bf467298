"""Other settings tried on traces that a node sent, against an archive with its events and marks."""

from __future__ import annotations

import asyncio
import contextlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.base import schema
from edge.contract import applied, names
from edge.contract.applied import Applied
from edge.contract.motion import MotionSettings
from edge.contract.schedule import Schedule
from edge.contract.settings import SettableCamera
from edge.trace import segment
from hub.archive.scope import EVERYTHING
from hub.archive.settings_values import AppliedNote
from hub.archive.values import Batch, CameraKey, Remark
from hub.traces import TraceStore
from hub.trials import Trial, TrialError, Trials, Wish, process
from tests.edge.trace import made
from tests.edge.trace.test_replay import NIGHT, WALK, band, marked
from tests.hub.archive.conformance import batch
from tests.hub.journals import Journal
from tests.hub.people import API
from tests.hub.site import Site

NODE, CAMERA = "gate-1", "door"
TRIAL = f"{API}/nodes/{NODE}/cameras/{CAMERA}/trial"
MASKED = {"masks": [schema.dump(band(0.6, 0.9))]}
WALK_MASKED = {"masks": [schema.dump(band(0.05, 0.3))]}


def ids(lines: list[object]) -> str:
    """The event's id in a journal's lines."""
    return str(lines[0].header.event)  # type: ignore[attr-defined]


def fill(site: Site, *, beside: bool = False, upto: int = 1) -> list[str]:
    """Four events: two below, two above, of which one is confirmed, with the node's trace of
    them; and a fifth of which there is none. Their ids, the oldest first. `beside`: at the end
    of who walks above, something begins to move below. All is seen down to sensitivity `upto`."""
    now = site.clock.utc()
    journal = Journal(NODE, start_utc=now - timedelta(hours=2))
    events = [journal.event() for _ in range(5)]
    for lines in events:
        site.archive.write(batch(lines))
    found = [ids(lines) for lines in events]  # type: ignore[arg-type]
    traced = []
    for number, name in enumerate(found[:4]):
        y = NIGHT if number % 2 == 0 else WALK
        walk = made.crossing(60.0 * (number + 1), y=y, upto=upto)
        if beside and number % 2:
            walk = made.together(walk, made.crossing(60.0 * (number + 1) + 3, y=NIGHT))
        for line in marked(0, walk):
            event = getattr(line, "event", None)
            traced.append(line if not event else type(line)(line.mono_ns, line.kind, name))  # type: ignore[call-arg,arg-type]
    head = made.head(node=NODE, camera=CAMERA, utc=now - timedelta(hours=1))
    store = TraceStore(site.folder / "traces", camera_bytes=2**20, keep_s=86400)
    store.put(NODE, CAMERA, "00000001-aaaaaaaa.trace", segment.encode(head, traced))
    (path,) = store.paths(NODE)
    os.utime(path, (now.timestamp(), now.timestamp()))  # as if it had come just now
    (walker,) = site.archive.events_by_id(found[1], limit=1)
    site.archive.remark(walker, Remark("anna", now, "confirmed", None))
    return found


def test_a_mask_is_tried_on_the_camera_s_events(site: Site) -> None:
    """What is dropped and kept, how far it was judged, and what no trace can answer for."""
    found = fill(site)
    reply = site.client("binh", "operator").send("POST", TRIAL, {"motion": MASKED})
    assert reply.status == 200, reply.text
    said: Any = reply.json
    assert said["gone"] == {
        "events": 2, "confirmed": 0, "false_alarms": 0, "ids": [found[2], found[0]],
    }  # fmt: skip
    assert (said["kept"]["events"], said["kept"]["confirmed"]) == (2, 1)
    assert said["unseen"]["ids"] == [found[4]]
    assert (said["unsure"]["events"], said["new"], said["is_whole"]) == (0, 0, True)
    assert said["judged_since_utc"] is not None


def test_who_was_confirmed_is_not_kept_by_another_at_the_same_time(site: Site) -> None:
    """The walker is masked away; what moves below while he leaves is not him."""
    found = fill(site, beside=True)
    said: Any = site.client("binh", "operator").send("POST", TRIAL, {"motion": WALK_MASKED}).json
    assert found[1] in said["gone"]["ids"] and said["gone"]["confirmed"] == 1
    assert found[3] in said["kept"]["ids"]  # which nobody confirmed


def test_what_a_schedule_sets_is_not_tried_otherwise(site: Site) -> None:
    """The number that is drawn holds by day; what ran with the night's own goes on with it."""
    fill(site, upto=5)
    client = site.client("binh", "operator")

    def events(outcome: str) -> object:
        said: Any = client.send("POST", TRIAL, {"motion": {"sensitivity": 3}}).json
        return said[outcome]["events"]

    assert events("gone") == 4
    tell(site, sensitivity=3, at_night=5)
    assert events("kept") == 4
    tell(site, sensitivity=3, at_night=7)
    assert events("gone") == 4


def tell(site: Site, *, sensitivity: int, at_night: int) -> None:
    """The node says what its camera has."""
    night = Schedule(starts="22:00", ends="06:00", sensitivity=at_night)
    camera = SettableCamera(
        name=CAMERA, source="rtsp://192.0.2.7/", schedules=(night,),
        motion=MotionSettings(sensitivity=sensitivity),
    )  # fmt: skip
    said = Applied(
        v=names.VERSION, node=NODE, version=0, state="applied", seen=0, at_utc=site.clock.utc(),
        settings={"cameras": {CAMERA: schema.dump(camera)}},
    )  # fmt: skip
    note = AppliedNote(said, applied.encode(said), site.clock.utc())
    site.archive.write(Batch(applied=(note,)))


def test_where_no_trace_is_nothing_is_said_of_any_event(site: Site) -> None:
    """Rather than that all would be kept."""
    journal = Journal(NODE, start_utc=site.clock.utc() - timedelta(hours=2))
    site.archive.write(batch(journal.event()))
    said: Any = site.client("binh", "operator").send("POST", TRIAL, {"motion": {}}).json
    assert said["unseen"]["events"] == 1 and said["judged_since_utc"] is None


def test_settings_that_are_none_are_refused_with_their_place(site: Site) -> None:
    """Before anything is judged."""
    fill(site)
    client = site.client("binh", "operator")
    reply = client.send("POST", TRIAL, {"motion": {"sensitivity": 11, "quiet_s": 0}})
    assert reply.status == 422 and "motion.sensitivity" in reply.text
    assert "motion.quiet_s" in reply.text


def trials_of(site: Site) -> Trials:
    """On the site's own stores."""
    store = TraceStore(site.folder / "traces", camera_bytes=2**20, keep_s=86400)
    return Trials(site.archive, store, site.clock)


WISH = Wish(CameraKey(NODE, CAMERA), MASKED, 7, EVERYTHING)


def test_who_asks_again_ends_what_they_asked_before(site: Site) -> None:
    """The first process is gone before the second answers."""
    fill(site)

    async def ask() -> list[Trial]:
        trials = trials_of(site)
        first = trials.run(WISH, b"anna")
        assert (await anext(first)).state == "going"
        second = trials.run(WISH, b"anna")
        coming = asyncio.ensure_future(_all(second))
        await asyncio.sleep(0)
        with pytest.raises(TrialError) as caught:
            await _all(first)
        assert caught.value.reason == "outdated"
        return await coming

    assert [each.state for each in asyncio.run(ask())] == ["going", "done"]


def test_a_process_that_takes_too_long_is_cut_and_killed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was judged until then is told."""
    fill(site)
    monkeypatch.setattr("hub.trials.trials.LIMIT_S", 0.0)
    (last,) = asyncio.run(_all(trials_of(site).run(WISH, b"anna")))
    assert last.state == "cut" and len(last.events["unseen"]) == 5


def test_nobody_s_process_goes_on(tmp_path: Path) -> None:
    """Leaving the iteration ends the process, whatever it does."""
    fifo = tmp_path / "endless.trace"
    os.mkfifo(fifo)  # reading it would block for ever
    wish = {"camera": CAMERA, "motion": {}, "since_utc": "2026-01-01T00:00:00Z",
            "files": [(str(fifo), 1)], "confirmed": [], "scheduled": []}  # fmt: skip

    async def ask() -> None:
        async with contextlib.aclosing(process.judge(wish)) as found:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    await anext(found)

    asyncio.run(ask())
    assert not judging()


def judging() -> list[Path]:
    """The judging processes that are children of this one, ended or not."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            command = (path / "cmdline").read_bytes()
            if parent == os.getpid() and (not command or b"hub.trials.worker" in command):
                found.append(path)
    return found


async def _all(found: object) -> list[Trial]:
    return [each async for each in found]  # type: ignore[attr-defined]
