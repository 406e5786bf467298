"""What the hub says for nodes that are shut out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from edge.contract import status, topics
from edge.contract.status import Status
from edge.keys import PublicKey
from hub.archive import SqliteArchive
from hub.archive.values import Batch, StatusNote
from hub.ingest.farewell import farewell

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = bytes(range(32))


def test_a_node_that_is_out_is_said_to_be_offline_and_its_status_is_cleared(tmp_path: Path) -> None:
    """As its Will would have said it; of one that nothing is known of it is only cleared."""
    archive = SqliteArchive(tmp_path / "archive.sqlite")
    online = Status(1, "online", "0" * 32, "1.0", "0" * 16, PublicKey(KEY).text, ("door",))
    notes = [StatusNote(name, online, NOW) for name in ("gate-1", "gate-2", "gate-3")]
    archive.write(Batch(statuses=tuple(notes)))
    for name in ("gate-1", "gate-3"):
        archive.pin_key(name, KEY, NOW)
        archive.unpin_key(name, NOW)
    said = farewell(archive, ["gate-1", "gate-2"])
    archive.close()
    assert [(each.topic, each.is_retained) for each in said] == [
        (topics.status("gate-1"), False),
        (topics.status("gate-1"), True),
        (topics.status("gate-2"), True),
    ]
    assert [each.payload for each in said[1:]] == [b"", b""]
    told = status.decode(said[0].payload)
    assert (told.state, told.key, told.cameras) == ("offline", online.key, ("door",))
