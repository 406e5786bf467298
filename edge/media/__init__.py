"""Packets, frames and their times, as the rooms above pass them on. No sockets, no files."""
