"""Rules about clips and pictures: what is named exists, and what is seen is whole."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.fault.archive_files import HubFiles, Row, file_hash
from tests.fault.mp4_file import TornError, count_pictures
from tests.fault.node_files import NodeFiles
from tests.fault.verdict import Verdict
from tests.harness.patience import PATIENCE_S

FFMPEG_TIMEOUT_S = PATIENCE_S


def check_media(
    verdict: Verdict, hub: HubFiles, nodes: Iterable[NodeFiles], *, is_drained: bool
) -> None:
    """Every announced file is in the archive, or waits on its node, or its loss was recorded."""
    dropped = {(each.body["node"], each.body.get("event"), each.body["sha256"])
               for each in hub.records if each.body["type"] == "file.dropped"}  # fmt: skip
    waiting = set() if is_drained else {row["sha256"] for node in nodes for row in node.files}
    _check_kept(verdict, hub, "clips", hub.clips, ".mp4", dropped, waiting)
    _check_kept(verdict, hub, "snapshots", hub.snapshots, ".jpg", dropped, waiting)
    for path in hub.parts():
        is_upload = path.parent.name == "uploads"
        verdict.expect(is_upload and not is_drained, "unfinished", str(path.name))


def _check_kept(
    verdict: Verdict,
    hub: HubFiles,
    kind: str,
    rows: list[Row],
    suffix: str,
    dropped: set[tuple[str, str | None, str]],
    waiting: set[str],
) -> None:
    files = hub.media(kind, suffix)
    pictures = _announced_pictures(hub)
    named = set()
    for row in rows:
        digest = bytes(row["hash"]).hex()
        named.add(digest)
        name = f"{kind}: {row['node']} {row['event']} {row.get('part', '')} {digest[:12]}"
        verdict.counts[f"{kind} announced"] += 1
        if row["stored_ms"] is not None:
            path = files.get(digest)
            is_there = path is not None and path.stat().st_size == row["size_bytes"]
            verdict.expect(is_there, "dangling", name)
        elif (row["node"], row["event"], digest) in dropped:
            verdict.counts[f"{kind} whose loss is explained"] += 1
        else:
            verdict.expect(digest in waiting, "undelivered", name)
    for digest, path in files.items():
        verdict.counts[f"{kind} seen"] += 1
        verdict.expect(file_hash(path) == digest, "torn", f"{path.name} has another hash")
        verdict.expect(digest in named, "stray", f"{path.name} is named by no record")
        if suffix == ".mp4":
            _check_clip(verdict, path, pictures.get(digest))
        else:
            data = path.read_bytes()
            is_whole = data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"
            verdict.expect(is_whole, "torn", f"{path.name} is no whole JPEG")


def _announced_pictures(hub: HubFiles) -> Mapping[str, int]:
    """How many pictures each clip has, by the records."""
    bodies = [each.body.get("clip") for each in hub.records]
    return {clip["sha256"]: clip["packets"] for clip in bodies if clip}


def _check_clip(verdict: Verdict, path: Path, pictures: int | None) -> None:
    try:
        count = count_pictures(path)
    except TornError as err:
        verdict.find("torn", f"{path.name}: {err}")
        return
    verdict.counts["pictures in clips"] += count
    if pictures is not None:
        verdict.expect(count == pictures, "torn", f"{path.name}: {count} of {pictures} pictures")


def check_decoding(verdict: Verdict, clips: Iterable[Path]) -> None:
    """FFmpeg decodes each of these clips to its end without a word."""
    for path in clips:
        # Times as they are: the null muxer would else count in frames, and two of them collide.
        command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-vsync", "passthrough"]
        command += ["-enc_time_base", "-1", "-f", "null", "-"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=FFMPEG_TIMEOUT_S
        )
        is_clean = done.returncode == 0 and not done.stderr
        verdict.expect(is_clean, "torn", f"{path.name}: {done.stderr.strip()[:200]}")


def check_films(
    verdict: Verdict,
    clips: Iterable[Path],
    films: Iterable[list[str]],
    digests: Callable[[Path], list[str]],
) -> None:
    """Each clip's pictures follow one another in one of the films, which go round and round."""
    # One sign a picture, so that the search for a run is the search for a substring.
    signs: dict[str, str] = {}

    def text_of(pictures: Iterable[str]) -> str:
        return "".join(signs.setdefault(each, chr(len(signs) + 0xE000)) for each in pictures)

    rounds = [text_of([*film, *film]) for film in films]
    for path in clips:
        seen = text_of(digests(path))
        is_run = bool(seen) and any(seen in film for film in rounds)
        verdict.expect(is_run, "film", f"{path.name}: {len(seen)} pictures, no run of any film")
