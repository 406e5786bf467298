"""MQTT in: verify, archive, and only then acknowledge, to the broker and to the node.

The broker is transport only. Its PUBACK says nothing about the archive, so a node keeps a record
until the signed acknowledgement that is sent after the archive's commit. Everything here may come
twice, late or out of order.
"""

from hub.ingest.service import Ingest

__all__ = ["Ingest"]
