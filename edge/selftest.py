"""`camwatch-edge self-test`: does this installation do its work on this machine?

A synthetic street goes the way of every camera, in a folder of its own that is removed again:
packets, detector, clip, signed records in a journal. What comes out is checked as a hub would check
it. An update runs it on the new version before it lets the old one go.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import tempfile
import time
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge import __version__, keys
from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError
from edge.config import node as node_config
from edge.contract import names, record
from edge.outbox.tables import MIGRATIONS, USABLE_FROM

if typing.TYPE_CHECKING:
    from edge.outbox.outbox import Outbox

NODE, CAMERA = "self-test", "street"
SEED = 139  # its first car comes after 5 s, and is one event
WIDTH, HEIGHT, FPS = 640, 360, 10
LIMIT_S = 120.0  # it takes 15 s; a small board with an agent beside it has less to spare
POLL_S = 0.1
QUOTA_BYTES = 64 * 2**20


class SelfTestError(CamwatchError):
    """This installation does not do its work here."""


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--config", type=Path, help="also read this settings file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's own)")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command; 0. Raises ConfigError for the settings, SelfTestError."""
    if arguments.config is not None:
        node_config.load(arguments.config)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="camwatch-self-test-", dir=arguments.folder) as folder:
        frames = watch_a_street(Path(folder))
    found = facts() | {"frames": frames, "seconds": round(time.monotonic() - began_s, 1)}
    if arguments.json:
        print(json.dumps(found))
    else:
        print(f"good: version {__version__} made an event with a clip of {frames} frames, signed,"
              f" in {found['seconds']} s")  # fmt: skip
    return 0


def facts() -> dict[str, object]:
    """What a version of this software is; an update compares them."""
    return {
        "version": __version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "arch": platform.machine(),
        "journal": len(MIGRATIONS),
        "journal_usable_from": USABLE_FROM,
    }


def watch_a_street(folder: Path) -> int:
    """Watch until one event is over; how many frames its clip has. Raises SelfTestError."""
    # Loaded late: the facts above have to be had where these are what does not work.
    from edge.camera.camera import Camera
    from edge.config.camera import CameraSettings
    from edge.contract.clips import ClipSettings
    from edge.contract.motion import MotionSettings
    from edge.health.clocksync import ClockTrust
    from edge.mux.spool import Spool
    from edge.outbox.outbox import Outbox

    clock = SystemClock()
    spool = Spool(folder / "spool", quota_bytes=QUOTA_BYTES, on_lost=lambda _: None)
    key = keys.load_or_make(folder / "node.key")
    outbox = Outbox(
        folder / "journal.db", node=NODE, key=key, clock=clock, stamp=ClockTrust(clock).stamp,
        free=lambda name: spool.acknowledge(spool.folder / name),
    )  # fmt: skip
    settings = CameraSettings(
        name=CAMERA,
        source=f"synthetic:?width={WIDTH}&height={HEIGHT}&fps={FPS}&seed={SEED}",
        motion=MotionSettings(quiet_s=1.0),
        clips=ClipSettings(pre_roll_s=1.0, post_roll_s=1.0),
    )
    camera = Camera(settings, clock=clock, outbox=outbox, spool=spool, set_state=lambda *_: None)
    camera.start()
    try:
        _wait_for_an_end(outbox)
    finally:
        camera.stop()
        camera.join(5.0)
    rows = outbox.pending(0, 1000)
    outbox.close()
    records = list(_verified([(each.payload, each.signature) for each in rows], key.public))
    return _check_clip(records, spool.folder)


def _wait_for_an_end(outbox: Outbox) -> None:
    """Until the journal holds the end of an event. Raises SelfTestError."""
    limit_s = time.monotonic() + LIMIT_S
    while time.monotonic() < limit_s:
        bodies = [record.decode(each.payload).body for each in outbox.pending(0, 1000)]
        if any(isinstance(body, record.EventEnded) for body in bodies):
            return
        time.sleep(POLL_S)
    raise SelfTestError(f"no event was recorded within {LIMIT_S:g} s")


def _verified(rows: Sequence[tuple[bytes, bytes]], key: keys.PublicKey) -> Iterator[record.Record]:
    """The records, if each is signed and follows the one before. Raises SelfTestError."""
    prev = names.FIRST_HASH
    for payload, signature in rows:
        if not key.verify(payload, signature):
            raise SelfTestError("a record's signature is wrong")
        found = record.decode(payload)
        if found.header.prev != prev:
            raise SelfTestError(f"record {found.header.seq} does not follow the one before")
        prev = record.digest(payload)
        yield found


def _check_clip(records: Sequence[record.Record], spool: Path) -> int:
    """The frames of the first event's clip. Raises SelfTestError."""
    import av  # as above
    from av.error import FFmpegError

    ended = next(each for each in records if isinstance(each.body, record.EventEnded))
    clip = ended.body.clip if isinstance(ended.body, record.EventEnded) else None
    if clip is None:
        raise SelfTestError("the event has no clip")
    path = spool / f"{ended.header.event}.{clip.part}.mp4"
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() != clip.sha256:
            raise SelfTestError("the clip is not the one that its record names")
        with av.open(str(path)) as container:
            frames = sum(1 for _ in container.decode(video=0))
    except (OSError, FFmpegError) as err:
        raise SelfTestError(f"the clip cannot be read: {err}") from err
    if not frames:
        raise SelfTestError("the clip has no frame")
    return frames
