"""How long tests wait for what must come: the one place for it.

On a quiet machine it comes within seconds. A limit only ends a test that would wait for ever, so it
is far beyond what a machine needs that does ten other things.
"""

PATIENCE_S = 240.0
