"""What moved is a person, a vehicle, an animal: an optional model's word on an event's best frames.

The model is a file of the operator's. It runs in a child process that may be slow, hang, grow or
crash without the node minding: `worker` is the child, `process` holds it, `classifier` is the one
thread that asks it. Nothing here decides whether there is an event.
"""
