"""Clips: parts of events written fragment by fragment, closed, announced, acknowledged."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

from edge.base.clock import SystemClock
from edge.camera.story import clip_ref
from edge.contract import ids, record
from edge.contract.clips import ClipSettings
from edge.media.packet import Packet
from edge.mux.clip import ClosedClip
from edge.mux.parts import EventParts, Trigger
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox
from tests.edge.mux import streams
from tests.fault import small_town
from tests.fault.kill_loop import Say
from tests.fault.node_files import read_node
from tests.fault.node_rig import Ledger, NodePath, line_of, now, random_ack
from tests.fault.verdict import Verdict
from tests.harness import nal

FILM: list[Packet] = streams.encode(times_s=streams.steady(12))
FILM_DIGESTS = [
    nal.picture_digest(
        nal.CodedPacket(tuple(nal.split_annex_b(each.data)), each.pts, each.dts, each.time_base,
                        each.is_keyframe),
        "h264",
    )
    for each in FILM
]  # fmt: skip
PART_S = 4.0
SETTINGS = ClipSettings(pre_roll_s=0, post_roll_s=0, max_length_s=PART_S)


class ClipPath(NodePath):
    """Events of one to three parts, as the recorder and the story write them."""

    span_s = 0.12

    def work(self, say: Say) -> None:
        """Event after event; the hub acknowledges in between."""
        rng = self.rng()
        with self._rig.open() as (box, spool, clock):
            while True:
                self._event(box, spool, clock, rng, say)

    def _event(
        self, box: Outbox, spool: Spool, clock: SystemClock, rng: random.Random, say: Say
    ) -> None:
        event, begun = ids.new_event(clock.utc()), now(clock)

        def append(body: record.Body) -> None:
            say(line_of(box, box.append(body, camera=small_town.CAMERA, event=event)))

        def take_part(clip: ClosedClip) -> None:
            append(record.EventUpdated(clip_ref(clip), ()))

        trigger = Trigger(event, FILM[0].stream, FILM[0].pts, begun.mono_ns)
        parts = EventParts(spool, SETTINGS, clock, trigger, take_part)
        append(record.EventStarted("motion", begun, (), 0.1, None, None))
        for packet in FILM[: rng.randrange(1, len(FILM))]:
            parts.take(packet)
            parts.sync()
            if rng.random() < 0.03 and (ack := random_ack(box, rng)) is not None:
                box.apply(ack)
                say(f"acked {ack.upto} -")
        last = parts.finish()
        append(
            record.EventEnded(
                "motion", begun, now(clock), 1, "quiet", (), 0.2, parts.parts,
                clip_ref(last) if last else None, None, parts.fault,
            )
        )  # fmt: skip

    def judge(self, said: list[str], verdict: Verdict) -> None:
        """See the ledger; and each event has one end that knows its parts, each clip is film."""
        super().judge(said, verdict)
        _check_events(self._ledger, verdict)
        for row in read_node(self._rig.folder).files[-3:]:
            _check_film(self._rig.folder / "spool" / row["name"], verdict)


def _check_events(ledger: Ledger, verdict: Verdict) -> None:
    ends: dict[str, list[int]] = defaultdict(list)
    clips: dict[str, dict[int, str]] = defaultdict(dict)
    started = set()
    for body in ledger.bodies():
        event = body.get("event", "")
        if body["type"] == "event.started":
            started.add(event)
        if body["type"] == "event.ended":
            ends[event].append(body["parts"])
        if clip := body.get("clip"):
            known = clips[event].setdefault(clip["part"], clip["sha256"])
            is_same = known == clip["sha256"]
            verdict.expect(is_same, "duplicate", f"clip {event}.{clip['part']} is two")
    for event in started:
        verdict.expect(len(ends[event]) == 1, "unended", f"{event} has {len(ends[event])} ends")
        parts = sorted(clips[event])
        verdict.expect(parts == list(range(len(parts))), "lost", f"{event} has parts {parts}")
        for told in ends[event]:
            verdict.expect(told == len(parts), "event", f"{event}: {told} parts, not {parts}")


def _check_film(path: Path, verdict: Verdict) -> None:
    """Consecutive pictures of the film, from a keyframe on."""
    if path.suffix != ".mp4":
        return
    seen = [nal.picture_digest(units, "h264") for units in nal.read_file(path)]
    first = FILM_DIGESTS.index(seen[0]) if seen and seen[0] in FILM_DIGESTS else -1
    is_film = first >= 0 and seen == FILM_DIGESTS[first : first + len(seen)]
    verdict.expect(is_film, "torn", f"{path.name}: {len(seen)} pictures from {first}")


def make(folder: Path) -> ClipPath:
    """The path in an empty folder."""
    return ClipPath(folder)
