"""The hub's own key, for the running hub and for the commands alike."""

from __future__ import annotations

from edge import keys
from edge.base import durable
from edge.keys import PrivateKey
from hub.config import HubSettings
from hub.registry import broker_files


def load_key(settings: HubSettings) -> PrivateKey:
    """The hub's key, made at first use; its public half is also in hub.pub, for nodes.

    Raises KeyFileError, StorageError.
    """
    durable.make_dirs(settings.state_path)
    key = keys.load_or_make(settings.key_path)
    public_path = settings.key_path.with_suffix(".pub")
    broker_files.write_if_changed(public_path, f"{key.public.text}\n", mode=0o644)
    return key
