"""How a blank box joins its hub: `camwatch-edge enrol NODEFILE`, run once, before the agent.

Order, so that a power cut at any step is mended by running it again (docs/design/enrolment.md)
1. look at all that will be written, and refuse what could not work   2. the key   3. a note of the
token's hash and of a fresh secret   4. redeem: the same question for as often as it is asked
5. CA, hub's key, passwords, secret   6. edge.yaml   7. the note: done   8. wipe the node file.
"""
