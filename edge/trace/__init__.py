"""Traces: what was seen of each frame, kept without pixels, and what other settings make of it.

Standard library only, so that the hub can read and judge them too.
"""
