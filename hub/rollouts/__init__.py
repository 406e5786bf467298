"""Releases on their way to nodes: kept, staged, ordered, watched, stopped. The hub passes on what a
maker signed, and could make none itself."""
