"""The node's outbound connections: MQTT for records and state, HTTP for clips.

Nothing is kept here that matters: what must arrive waits in the outbox until the hub acknowledges.
"""
