"""Clips on their way up: begun, appended chunk by chunk, verified, adopted, noted as stored."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

from edge.base.clock import FakeClock
from hub.api.upload_store import UploadStore
from hub.api.uploads import Uploads
from hub.archive import SqliteArchive
from hub.archive.values import Arrival, Batch, Clip, EventFilter
from hub.clipstore import FileClipStore
from tests.fault import small_town
from tests.fault.archive_files import HubFiles, file_hash, read_hub
from tests.fault.kill_loop import Say
from tests.fault.media_rules import check_media
from tests.fault.verdict import Verdict

EVENTS = 30
CHUNK_BYTES = 1500


class UploadPath:
    """The hub's half of an upload, without HTTP: what the routes call, in their order."""

    span_s = 0.06

    def __init__(self, folder: Path) -> None:
        self._hub = folder / small_town.HUB_DIR
        self._spool = folder / small_town.NODE_DIR / "spool"
        self._hub.mkdir()
        self._trial = 0
        self._offsets: dict[str, tuple[str, int]] = {}
        self._stored: set[str] = set()
        clock = FakeClock(mono_ns=10**12)
        with contextlib.closing(small_town.outbox(self._spool.parent, clock)) as box:
            for _ in range(EVENTS):
                small_town.journal_event(box, self._spool, clock)
            lines = [small_town.arrival(each, clock) for each in box.pending(0, 1000)]
        self._announce(lines, clock)

    def _announce(self, lines: list[Arrival], clock: FakeClock) -> None:
        with contextlib.closing(SqliteArchive(self._hub / "archive.sqlite")) as archive:
            archive.write(Batch(tuple(lines)))
            page = archive.events(EventFilter(), limit=EVENTS, before=None)
            self._clips = [clip for event in page for clip in archive.clips_of(event)]

    def work(self, say: Say) -> None:
        """Upload one clip after the other, sometimes leaving one half done for another."""
        rng = random.Random(f"{self._hub}/{self._trial}")
        archive, store, uploads = self._open(say)
        while True:
            clip = rng.choice(self._clips)
            if self._is_stored(archive, clip):
                if all(self._is_stored(archive, each) for each in self._clips):
                    return
                continue
            upload = store.begin(clip)
            data = (self._spool / f"{clip.event}.{clip.part}.mp4").read_bytes()
            while store.offset(upload) < len(data) and rng.random() < 0.9:
                at = store.offset(upload)
                appending = store.open(upload)
                appending.write(data[at : at + CHUNK_BYTES])
                appending.commit()
                say(f"offset {upload.id} {clip.sha256} {store.offset(upload)}")
            uploads.finish_complete()

    def _open(self, say: Say) -> tuple[SqliteArchive, UploadStore, Uploads]:
        archive = SqliteArchive(self._hub / "archive.sqlite")
        store = UploadStore(self._hub / "uploads")
        clips = FileClipStore(self._hub / "clips", suffix=".mp4")
        uploads = Uploads(
            archive, clips, store, FakeClock(),
            on_stored=lambda clip, _event: say(f"stored {clip.sha256}"),
        )  # fmt: skip
        return archive, store, uploads

    def _is_stored(self, archive: SqliteArchive, clip: Clip) -> bool:
        found = archive.announced_clip(clip.node, clip.event, clip.part, clip.sha256)
        return found is not None and found.stored_utc is not None

    def recover(self, _say: Say) -> None:
        """As the hub starts."""
        archive, _, uploads = self._open(lambda _line: None)
        uploads.finish_complete()
        archive.close()

    def judge(self, said: list[str], verdict: Verdict) -> None:
        """Offsets told are held, clips told are stored, and no other bytes lie there."""
        self._trial += 1
        for line in said:
            kind, *rest = line.split()
            if kind == "stored":
                self._stored.add(rest[0])
            else:
                self._offsets[rest[0]] = (rest[1], int(rest[2]))
        self._check_offsets(verdict)
        self.recover(lambda _line: None)
        hub = read_hub(self._hub)
        rows = {bytes(row["hash"]).hex(): row for row in hub.clips}
        for digest in self._stored:
            verdict.expect(rows[digest]["stored_ms"] is not None, "lost", f"clip {digest}")
        self._check_media(hub, verdict)

    def _check_offsets(self, verdict: Verdict) -> None:
        """Before anything is recovered."""
        whole = {clip.sha256: clip for clip in self._clips}
        kept = {path.stem for path in (self._hub / "clips").rglob("*.mp4")}
        for upload, (digest, offset) in list(self._offsets.items()):
            part = self._hub / "uploads" / f"{upload}.part"
            if digest in kept:
                del self._offsets[upload]
                continue
            clip = whole[digest]
            data = (self._spool / f"{clip.event}.{clip.part}.mp4").read_bytes()
            have = part.read_bytes() if part.exists() else b""
            verdict.expect(len(have) >= offset, "lost", f"{len(have)} bytes of {offset} told")
            verdict.expect(data.startswith(have), "torn", f"upload {upload}")

    def _check_media(self, hub: HubFiles, verdict: Verdict) -> None:
        media = Verdict()
        check_media(media, hub, [], is_drained=False)
        for finding in media.findings:
            if finding.rule != "undelivered":
                verdict.find(finding.rule, finding.detail)
        for path in hub.media("clips", ".mp4").values():
            verdict.expect(file_hash(path) == path.stem, "torn", path.name)


def make(folder: Path) -> UploadPath:
    """The path in an empty folder."""
    return UploadPath(folder)
