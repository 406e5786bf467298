"""Acknowledgements: what the archive has committed of a node's journal, signed by the hub."""

from __future__ import annotations

from collections.abc import Iterable

from edge.contract import ack, names, topics
from edge.contract.ack import Ack, clip_id
from edge.keys import PrivateKey
from hub.archive import Archive
from hub.archive.values import Clip
from hub.ingest.message import Publication

MAX_MEDIA = 200  # of clips and of snapshots in one message; with `also`, well within MAX_ACK_BYTES


class Acknowledger:
    """Makes acknowledgements from what is in the archive at that moment. Any thread may call."""

    def __init__(self, archive: Archive, key: PrivateKey) -> None:
        self._archive = archive
        self._key = key

    def make(
        self,
        node: str,
        epoch: str,
        *,
        clips: Iterable[Clip] = (),
        snapshots: Iterable[str] = (),
    ) -> Publication:
        """The state of one journal, naming these stored clips and snapshots too."""
        progress = self._archive.progress(node, epoch)
        payload = ack.encode(
            Ack(
                v=names.VERSION,
                node=node,
                epoch=epoch,
                upto=progress.upto,
                head=progress.head,
                also=progress.also,
                clips=tuple(clip_id(clip.event, clip.part) for clip in clips)[:MAX_MEDIA],
                snapshots=tuple(snapshots)[:MAX_MEDIA],
            )
        )
        return Publication(topics.ack(node), payload, signature=self._key.sign(payload))

    def make_all(self, node: str, epoch: str) -> Publication:
        """The same with what was stored last, for a node that comes back."""
        clips, snapshots = self._archive.recently_stored(node, MAX_MEDIA)
        return self.make(node, epoch, clips=clips, snapshots=[shot.sha256 for shot in snapshots])
