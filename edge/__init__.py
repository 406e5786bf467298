"""Camwatch's agent: one process beside one or more cameras."""

__version__ = "0.1.0"
