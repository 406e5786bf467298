"""The bottom room: errors, clock, logs, durable files, SQLite, back-off, sd_notify, schemas.

Standard library only, and no word of cameras or events. Both the edge and the hub stand on it.
"""
