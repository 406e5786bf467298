"""What is said for nodes that were shut out, in place of their Wills.

The broker closes their connections and has no right of theirs left to speak their Wills by, so
whoever listens would take them for online, and a retained status would stay. The hub says offline,
and clears what stands there. It may write these topics only while the node has no account
(`broker_files`), so a box that was let in again meanwhile is not spoken for.
"""

from __future__ import annotations

from edge.contract import names, status, topics
from edge.contract.status import Status
from edge.keys import PublicKey
from hub.archive import Archive
from hub.archive.node_values import NodeState
from hub.ingest.message import Publication


def farewell(archive: Archive, nodes: list[str]) -> list[Publication]:
    """What to publish, in order, once the broker knows that these nodes are out. Blocks. Raises
    StorageError."""
    wanted = set(nodes)
    found: list[Publication] = []
    for node in archive.nodes():
        if node.name not in wanted:
            continue
        topic = topics.status(node.name)
        if (payload := _offline(archive, node)) is not None:
            found.append(Publication(topic, payload, qos=1))
        found.append(Publication(topic, b"", qos=1, is_retained=True))
    return found


def _offline(archive: Archive, node: NodeState) -> bytes | None:
    """Its last status, as its Will would have said it; None where too little is known for one."""
    keys = archive.public_keys(node.name)
    if not keys or node.boot is None or node.version is None or node.epoch is None:
        return None
    key = PublicKey(keys[-1]).text
    return status.encode(
        Status(names.VERSION, "offline", node.boot, node.version, node.epoch, key, node.cameras)
    )
