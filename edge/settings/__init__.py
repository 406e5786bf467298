"""The hub's settings on the node: taken, tried, kept or taken back, and told.

`store` keeps on the disk what must survive a crash; `trial` judges, without clocks or threads, how
a version does; `keeper` is the thread that does it all. What may be set and how it lies over the
local file is in `edge.contract.settings` and `edge.config.overlay`.
"""
