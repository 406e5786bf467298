"""The packet ring: what a camera sent lately, in memory."""
