"""How far apart keyframes may lie for the pictures between them to be left undecoded, and how often
one is decoded then. The camera's viewer goes by it, and `probe` tells it."""

from __future__ import annotations

GLANCE_S = 8.0  # between keyframes that a closed viewer decodes, in mode `gate`
CLOSE_GLANCE_S = 2.0  # the same in mode `keyframes`, where it is the delay of most alarms
MAX_KEYFRAME_S = 4.0  # between keyframes, for mode `keyframes`
MAX_GATE_KEYFRAME_S = 16.0  # the same, for glances beside the gate
