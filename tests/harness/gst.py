"""GStreamer's modules in the versions that the camera uses; under the system's Python only."""

from __future__ import annotations

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, GObject, Gst, GstRtsp, GstRtspServer  # noqa: E402 - after the versions

__all__ = ["GLib", "GObject", "Gst", "GstRtsp", "GstRtspServer"]
