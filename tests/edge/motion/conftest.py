"""Hypothesis for this folder: the same examples every time, and no clock in the verdict."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, database=None)
settings.load_profile("steady")
