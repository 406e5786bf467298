"""What a node may cost: the one table of it, which `tests/edge/test_budget.py` holds it to.

Raise a figure here only in the change that needs it, and say in its message what it buys.
The figures are of x86-64 with 4 KiB pages; other machines have other wheels and other pages.
"""

from __future__ import annotations

MAX_IMPORT_RSS_MB = 92.0  # VmRSS, proc(5), when the agent is loaded; measured 84.5
MAX_IMPORT_THREADS = 1  # of the process then; OpenBLAS alone would add one for each further core
MAX_IMPORT_CPU_RATIO = 2.6  # loading the agent over `import cv2, av, numpy`; measured 1.8 to 2.3
MAX_INSTALLED_MB = 360.0  # requirements/node.txt as each RECORD counts it; measured 345

FORBIDDEN_MODULES = (
    # the hub and what only it needs
    "hub", "starlette", "hypercorn", "anyio", "h11", "h2", "hpack", "wsproto", "priority", "jinja2",
    # other ways to do what is done without them; each costs megabytes
    "asyncio", "concurrent.futures", "multiprocessing", "http.server", "requests", "httpx",
    "pydantic", "sqlalchemy", "psutil", "scipy", "PIL", "pandas", "matplotlib", "torch",
    "importlib.metadata", "pkg_resources", "setuptools",
    # parts of what is used that a node has no use for
    "cv2.gapi", "numpy.testing", "numpy.f2py", "numpy.ma", "numpy.fft", "numpy.polynomial",
    "numpy.random", "numpy.ctypeslib", "cryptography.x509", "paho.mqtt.publish",
    # development
    "unittest", "doctest", "pydoc", "pdb", "pytest", "hypothesis", "jsonschema", "tkinter", "xml",
)  # fmt: skip
"""Top modules or packages that no room of `edge` may load, whatever the settings."""
