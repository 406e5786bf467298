"""Rules about what a node that does not run has left on its disk."""

from __future__ import annotations

import hashlib
import re

from tests.fault.archive_files import file_hash
from tests.fault.mp4_file import TornError, count_pictures
from tests.fault.node_files import NodeFiles
from tests.fault.verdict import Verdict

ZEROS = "0" * 64
CLIP = re.compile(r"[0-9a-f-]{36}\.\d+\.mp4")
SNAPSHOT = re.compile(r"[0-9a-f]{64}\.jpg")


def check_node(verdict: Verdict, node: NodeFiles, *, is_clean: bool, is_drained: bool) -> None:
    """The journal is one unbroken chain; what is seen in the spool is whole.

    Clean (recovered, or stopped in good order): nothing half-done lies about, no event is open.
    Drained: nothing waits.
    """
    verdict.expect(node.is_sound == "ok", "corrupt", f"{node.folder}: {node.is_sound}")
    _check_journal(verdict, node)
    _check_spool(verdict, node, is_clean=is_clean)
    if is_clean:
        verdict.expect(not node.open_events, "unended", f"open: {node.open_events}")
    if is_drained:
        waiting = [row["seq"] for row in node.records]
        verdict.expect(not waiting, "undelivered", f"records {waiting[:5]} wait on the node")
        files = [row["name"] for row in node.files]
        verdict.expect(not files, "undelivered", f"files {files[:5]} wait on the node")


def _check_journal(verdict: Verdict, node: NodeFiles) -> None:
    last_seq, last_hash = node.journal["acked_seq"], node.journal["acked_hash"]
    bodies = node.hashes()
    for row in node.records:
        verdict.counts["records on the node"] += 1
        digest = hashlib.sha256(row["payload"]).hexdigest()
        body = bodies[digest]
        told = (body["epoch"], body["seq"], body["prev"], digest)
        wanted = (node.journal["epoch"], last_seq + 1, last_hash, row["hash"])
        verdict.expect(told == wanted, "chain", f"journal record {row['seq']}: {told} {wanted}")
        last_seq, last_hash = row["seq"], digest
    end = (node.journal["last_seq"], node.journal["last_hash"])
    verdict.expect(end == (last_seq, last_hash), "chain", f"the journal ends at {last_seq}: {end}")


def _check_spool(verdict: Verdict, node: NodeFiles, *, is_clean: bool) -> None:
    seen = node.seen()
    wanted = {row["name"]: row for row in node.files}
    for name, row in wanted.items():
        path = node.spool / name
        is_whole = name in seen and path.stat().st_size == row["size_bytes"]
        is_whole = is_whole and file_hash(path) == row["sha256"]
        verdict.expect(is_whole, "dangling", f"{name} waits, and is not as announced")
    for name in seen:
        path = node.spool / name
        if CLIP.fullmatch(name):
            verdict.counts["clips on the node"] += 1
            try:
                count_pictures(path)
            except TornError as err:
                verdict.find("torn", f"{name}: {err}")
        elif SNAPSHOT.fullmatch(name):
            verdict.expect(file_hash(path) == path.stem, "torn", f"{name} has another hash")
        elif is_clean:
            verdict.find("unfinished", f"{name} lies in the spool")
        if is_clean and not name.endswith(".part"):
            verdict.expect(name in wanted, "stray", f"{name} is named by no row")
