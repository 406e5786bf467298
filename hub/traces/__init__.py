"""Traces that nodes sent: what their cameras saw, without pictures. Judged by `edge.trace`."""

from hub.traces.store import TraceRefusedError, TraceStore

__all__ = ["TraceRefusedError", "TraceStore"]
