"""One camera's story, top to bottom: capture, ring, decoding, motion, events, clips.

`camera.Camera` owns the threads; `analysis` looks at frames; `story` turns what was seen into
records and clips; `recovery` finishes what a crash left open. Only this room knows that all the
rooms below it exist.
"""
