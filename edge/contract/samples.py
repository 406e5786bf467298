"""Golden samples: one payload of every document and record type, the records in one true chain.

Always the same bytes, so that anyone can hold an implementation against them. The keys are the
published test vectors of RFC 8032 section 7.1: they are known to everyone, so they must never
sign anything else. Signing needs a library and this room has none: the caller passes it in.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.base import schema
from edge.contract import (
    ack,
    applied,
    command,
    discovery,
    health,
    names,
    record,
    release,
    reply,
    settings,
    status,
    update,
    wanted,
)
from edge.contract.parts import ClipRef, ClockStamp, Instant, Label, SnapshotRef, Track

# RFC 8032 section 7.1, TEST 1 for the node and TEST 2 for the hub: secret key, public key.
NODE_SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
NODE_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
HUB_SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
HUB_PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")

NODE = "gate-3"
CAMERA = "street"
EPOCH = "5e1ec7ab1e0ff1ce"
BOOT = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
EVENT = "019b8f6c-7a00-7abc-8def-0123456789ab"
TAMPER_EVENT = "019b8f7b-ad68-7def-8abc-0123456789ab"
ZONES = ("pavement", "gate")
STREAM = "57" * 16
CHALLENGE = "c4" * 32
BOX = (0.4125, 0.25, 0.0625, 0.3)
TRACK = Track(
    entry="left", exit="inside", way="right", path=((0.031, 0.4), (0.25, 0.42), (0.444, 0.385)),
    zones=ZONES, from_ms=0, to_ms=126_400,
)  # fmt: skip
START_UTC = datetime(2026, 1, 31, 22, 4, 0, tzinfo=UTC)
START_MONO_NS = 86_400_000_000_000

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Sample:
    """One message: the channel it belongs to, its exact payload, and its signature if signed."""

    name: str
    channel: str
    payload: bytes
    signature: bytes | None = None


def samples(sign_as_node: Sign, sign_as_hub: Sign) -> list[Sample]:
    """Every sample; the records come first, in the order of their chain."""
    records = _records(sign_as_node)
    acknowledged = _ack(records)
    online = _status()
    offline = status.Status(**{**vars(online), "state": "offline"})
    asked, answered = _commands(), _replies(sign_as_node)
    wished, told = wanted.encode(_wanted()), _applied()
    return [
        *records,
        Sample("ack", "ack", acknowledged, sign_as_hub(acknowledged)),
        *(Sample(f"command-{key}", "command", each, sign_as_hub(each)) for key, each in asked),
        *(Sample(f"reply-{key}", "reply", each, sign_as_node(each)) for key, each in answered),
        *_updates(sign_as_node, sign_as_hub),
        Sample("wanted", "wanted", wished, sign_as_hub(wished)),
        *(Sample(f"applied-{key}", "applied", each, sign_as_node(each)) for key, each in told),
        Sample("status-online", "status", status.encode(online)),
        Sample("status-offline", "status", status.encode(offline)),
        Sample("health", "health", health.encode(_health())),
        Sample("home-assistant", "home_assistant", discovery.device(NODE, online)[1]),
    ]


def _records(sign: Sign) -> list[Sample]:
    result: list[Sample] = []
    prev = names.FIRST_HASH
    for seq, (after_s, body) in enumerate(_bodies(), start=1):
        kind = record.TYPES[type(body)]
        header = record.Header(
            v=names.VERSION, node=NODE, epoch=EPOCH, seq=seq, prev=prev, type=kind,
            at_utc=_instant(after_s).utc, clock=_clock(after_s),
            camera=CAMERA if kind in CAMERA_KINDS else None,
            event=_event_of(kind),
        )  # fmt: skip
        payload = record.encode(header, body)
        result.append(
            Sample(f"record-{seq:02}-{kind.replace('.', '-')}", "record", payload, sign(payload))
        )
        prev = record.digest(payload)
    return result


def _event_of(kind: str) -> str | None:
    if kind in record.TAMPER_TYPES:
        return TAMPER_EVENT
    return EVENT if kind in EVENT_KINDS else None


CAMERA_KINDS = record.EVENT_TYPES | {
    "camera.lost", "camera.found", "file.dropped", "coverage.spans",
} | record.TAMPER_TYPES  # fmt: skip
EVENT_KINDS = record.EVENT_TYPES | {"file.dropped"}


def _bodies() -> Sequence[tuple[float, record.Body]]:
    """What happened: seconds after the start, and the record's body."""
    started, ended = _instant(20.0), _instant(146.4)
    return (
        (0.0, record.NodeBooted(version="0.1.0", cameras=(CAMERA,))),
        (1.2, record.CameraFound(codec="h264", width=1280, height=720, audio="aac")),
        (20.2, record.EventStarted(
            kind="motion", started=started, zones=ZONES[:1], score=0.0125, box=BOX)),
        (135.0, record.EventUpdated(clip=_clip(0, 15.0, 120_000, 5_000), zones=ZONES)),
        (151.9, record.EventEnded(
            kind="motion", started=started, ended=ended, duration_ms=126_400, reason="quiet",
            zones=ZONES, score=0.03, parts=2, clip=_clip(1, 135.0, 16_400, 0),
            snapshot=SnapshotRef(
                sha256="5c" * 32, size_bytes=48_213, width=1280, height=720,
                taken=_instant(31.4), box=BOX),
            tracks=(TRACK,))),
        (900.0, record.CameraLost(
            reason="unreachable", detail="máy ảnh không trả lời (no answer for 10 s)",
            last_packet=_instant(890.0))),
        (901.0, record.FileDropped(
            kind="clip", sha256="c1" * 32, size_bytes=4_100_000, cause="quota", part=1)),
        (902.0, record.ClockStepped(
            before_utc=_instant(902.0).utc, after_utc=_instant(907.25).utc, step_ms=5_250)),
        (903.0, record.JournalGap(
            lost_epoch="00112233445566ff", first_seq=41, last_seq=44, cause="corrupt",
            detail="page 7 of the journal did not read back")),
        (905.0, record.CoverageSpans(
            starts=_instant(600.0), ends=_instant(900.0), spans=(
                record.Span(from_ms=0, to_ms=290_000, state="watched"),
                record.Span(from_ms=290_000, to_ms=300_000, state="blind", cause="stream_lost")))),
        (906.0, record.EventLabelled(
            labels=(Label(label="person", confidence=0.82, box=BOX, seen=_instant(31.4)),),
            frames=2, looked=_instant(31.4), model="0e" * 32)),
        (1006.5, record.CameraTampered(
            fault="covered", since=_instant(1001.0), found=_instant(1005.8), score=0.93,
            before=_shot("be", 996.0), after=_shot("a7", 1005.8))),
        (1404.2, record.CameraRestored(
            fault="covered", since=_instant(1001.0), restored=_instant(1404.0),
            duration_ms=403_000, outcome="restored")),
        (1500.0, record.ConfigApplied(
            version=7, outcome="applied", in_effect=7,
            sha256=record.digest(wanted.encode(_wanted())))),
    )  # fmt: skip


def _shot(byte: str, after_s: float) -> SnapshotRef:
    return SnapshotRef(
        sha256=byte * 32, size_bytes=51_000, width=1280, height=720, taken=_instant(after_s)
    )


def _clip(part: int, after_s: float, duration_ms: int, pre_roll_ms: int) -> ClipRef:
    return ClipRef(
        part=part, sha256=f"{0xC0 + part:02x}" * 32, size_bytes=duration_ms * 250,
        duration_ms=duration_ms, codec="h264", width=1280, height=720,
        starts=_instant(after_s), pre_roll_ms=pre_roll_ms, first_pts=round(after_s * 90_000),
        time_base=(1, 90_000), packets=duration_ms * 15 // 1000, audio="aac",
    )  # fmt: skip


def _ack(records: Sequence[Sample]) -> bytes:
    """All but the last record are committed, and the event's first clip is stored."""
    head = records[-2]
    return ack.encode(
        ack.Ack(
            v=names.VERSION, node=NODE, epoch=EPOCH, upto=len(records) - 1,
            head=record.digest(head.payload), clips=(ack.clip_id(EVENT, 0),),
            snapshots=("5c" * 32,),
        )
    )  # fmt: skip


def _wanted() -> wanted.Wanted:
    """A finer camera at night, and a mask over a tree."""
    return wanted.Wanted(
        v=names.VERSION, node=NODE, version=7, made_utc=START_UTC + timedelta(seconds=1490),
        user="lan", note="cây trước cổng (the tree before the gate)",
        settings={"time_zone": "Asia/Ho_Chi_Minh", "cameras": {CAMERA: {
            "motion": {"sensitivity": 5, "masks": [
                {"points": [[0.0, 0.0], [0.3, 0.0], [0.3, 0.4], [0.0, 0.4]]}]},
            "schedules": [{"starts": "22:00", "ends": "05:00", "days": [], "sensitivity": 7}],
        }}},
    )  # fmt: skip


def _applied() -> list[tuple[str, bytes]]:
    """The one before in effect and the next tried; the same refused."""
    wish = settings.check(_wanted().settings)
    local = settings.SettableCamera(name=CAMERA, source="rtsp://192.0.2.7/main")
    below = {CAMERA: schema.dump(local)}
    effective = schema.dump(settings.over(below, wish)[CAMERA])
    del effective["name"]
    trial = applied.Applied(
        v=names.VERSION, node=NODE, version=7, state="trial", seen=7,
        at_utc=START_UTC + timedelta(seconds=1500),
        settings={"log_level": "info", "time_zone": "Asia/Ho_Chi_Minh",
                  "cameras": {CAMERA: effective}},
        from_hub=tuple(sorted(settings.flat(wish))),
    )  # fmt: skip
    refused = dataclasses.replace(
        trial, state="applied", seen=8,
        failure=applied.Failure(
            version=8, outcome="refused", reason="invalid", detail="1 field is wrong",
            at_utc=START_UTC + timedelta(seconds=1600),
            problems=(applied.FieldProblem(
                f"cameras.{CAMERA}.motion.sensitivty", "is not a known key",
                "did you mean sensitivity?"),),
        ),
    )  # fmt: skip
    return [("trial", applied.encode(trial)), ("refused", applied.encode(refused))]


def _commands() -> list[tuple[str, bytes]]:
    """Each command that there is, by its name with - for its point."""
    live = command.LiveOrder(form="fmp4", size="small", token="70" * 16, lease_s=30.0)
    more: dict[str, dict[str, Any]] = {
        command.NONCE: {"nonce": None},
        command.LIVE_START: {"camera": CAMERA, "stream": STREAM, "live": live},
        command.LIVE_STOP: {"stream": STREAM},
        command.SNAPSHOT_NOW: {"camera": CAMERA},
        command.RESTART: {},
        command.PROVE_KEY: {"challenge": CHALLENGE},
    }
    return [
        (name.replace(".", "-"), command.encode(dataclasses.replace(_command(number, name), **own)))
        for number, (name, own) in enumerate(more.items(), start=1)
    ]


def _command(number: int, name: str) -> command.Command:
    return command.Command(
        v=names.VERSION, node=NODE, id=f"{number:02x}" * 16, name=name, nonce="a7" * 16
    )


def _replies(sign: Sign) -> list[tuple[str, bytes]]:
    """To the same commands, and one that is refused."""

    def made(number: int, **more: Any) -> bytes:
        given = {"status": "ok", "nonce": f"{0xB0 + number:02x}" * 16} | more
        return reply.encode(
            reply.Reply(v=names.VERSION, node=NODE, id=f"{number:02x}" * 16, **given)
        )

    picture = reply.PictureRef(sha256="5c" * 32, size_bytes=48_213, width=1280, height=720)
    proof = base64.b64encode(sign(reply.proof_bytes(NODE, CHALLENGE))).decode("ascii")
    return [
        ("nonce", made(1)),
        ("refused", made(2, status="refused", reason="busy",
                         detail="4 streams run already, as many as this node sends at once")),
        ("snapshot-now", made(4, picture=picture)),
        ("prove-key", made(6, proof=proof)),
    ]  # fmt: skip


def _updates(sign_as_node: Sign, sign_as_hub: Sign) -> list[Sample]:
    """A release's manifest is signed with the hub's key here; a true one never is."""
    manifest = release.encode(
        release.Release(
            camwatch_release=release.FORM, version="0.2.0", created_utc=START_UTC,
            bundles=(release.Bundle("aarch64", ("3.11", "3.13"), 118_374_400, "b5" * 32),),
            node_from="0.1.0", notes="Finds cyclists earlier.",
        )
    )  # fmt: skip
    signature = base64.b64encode(sign_as_hub(release.signed_bytes(manifest))).decode("ascii")
    order = update.encode_order(
        update.UpdateOrder(
            v=names.VERSION, node=NODE, number=7, manifest=manifest.decode(), signature=signature
        )
    )
    said: dict[str, Any] = {"v": names.VERSION, "node": NODE, "arch": "aarch64", "python": "3.11",
            "can_update": True, "number": 7, "wanted": "0.2.0"}  # fmt: skip
    states: dict[str, dict[str, Any]] = {
        "downloading": {"version": "0.1.0", "done_bytes": 50_331_648},
        "good": {"version": "0.2.0"},
        "returned": {"version": "0.1.0", "reason": "no_packets",
                     "detail": "camera street sent no packets within 10 min"},
    }  # fmt: skip
    made = [
        (key, update.encode_state(update.UpdateState(**{**said, **more, "stage": key})))
        for key, more in states.items()
    ]
    return [
        Sample("update-order", "update_order", order, sign_as_hub(order)),
        *(
            Sample(f"update-state-{key}", "update_state", each, sign_as_node(each))
            for key, each in made
        ),
    ]


def _status() -> status.Status:
    return status.Status(
        v=names.VERSION, state="online", boot=BOOT, version="0.1.0", epoch=EPOCH,
        key=base64.b64encode(NODE_PUBLIC).decode("ascii"), cameras=(CAMERA,),
    )  # fmt: skip


def _health() -> health.Health:
    return health.Health(
        v=names.VERSION, at_utc=_instant(930.0).utc, clock=_clock(930.0), uptime_s=930.0,
        cpu_percent=6.5, memory_bytes=78 * 2**20, disk_free_bytes=21 * 2**30,
        disk_total_bytes=29 * 2**30,
        cameras=(
            health.CameraHealth(
                camera=CAMERA, state="lost", packets_per_s=0.0, bits_per_s=0.0,
                analysed_per_s=0.0, ring_s=0.0, ring_bytes=0, dropped_frames=3, reconnects=1,
                motion=False, watched_s=20.0, blind="stream_lost",
                gate=health.GateHealth(
                    mode="gate", reason="a small walker adds 3.1 times what the sizes show",
                    decoded_share=0.05, openings=3, false_openings=1, events=2, missed=0,
                ),
            ),
        ),
        outbox=health.OutboxHealth(records=1, snapshots=0, clips=1, clip_bytes=4_100_000,
                                   oldest_s=30.0),
        temperature_c=51.5, is_throttled=False, problems=("camera street is lost",),
        labels=health.LabelHealth(
            looks=3, refused=0, failed=0, cpu_s=0.31, memory_bytes=82 * 2**20),
    )  # fmt: skip


def _instant(after_s: float) -> Instant:
    return Instant(
        utc=START_UTC + timedelta(seconds=after_s),
        mono_ns=START_MONO_NS + round(after_s * 1e9),
    )


def _clock(after_s: float) -> ClockStamp:
    return ClockStamp(
        state="synced", boot=BOOT, mono_ns=START_MONO_NS + round(after_s * 1e9), error_ms=12
    )
