"""`python -m hub`."""

import runpy

runpy.run_module("hub.cli", run_name="__main__", alter_sys=True)
