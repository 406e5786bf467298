"""Live view: one stream from a node, relayed to all who watch it; nothing is kept."""

from hub.live.relay import Relay, Wish
from hub.live.viewer import Viewer

__all__ = ["Relay", "Viewer", "Wish"]
