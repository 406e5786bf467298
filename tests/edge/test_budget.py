"""A node stays within `tests/budget.py`: what it loads, holds and starts, and what it installs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests import budget

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = "import cv2, av, numpy"
AGENT = """
from edge.base import memory
memory.be_small()
memory.one_thread_each()
from edge import agent
"""  # as `camwatch-edge run` does it
EVERY_ROOM = """
import importlib, json, pkgutil, sys
import edge
for module in pkgutil.walk_packages(edge.__path__, "edge."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(json.dumps([edge.__file__, *sys.modules]))
"""
STATUS = "print(open('/proc/self/status', encoding='utf-8').read())"
RUNS = 4  # the least of some runs is what a busy machine disturbs least

only_as_measured = pytest.mark.skipif(
    platform.machine() != "x86_64" or os.sysconf("SC_PAGESIZE") != 4096,
    reason="the budget is of x86-64 with 4 KiB pages",
)


def test_no_room_of_the_node_loads_what_is_forbidden() -> None:
    """Neither the hub's libraries nor heavy ones, in whichever kind of camera and whenever."""
    source, *loaded = json.loads(_python(EVERY_ROOM))
    assert Path(source).is_relative_to(ROOT)
    found = [name for name in budget.FORBIDDEN_MODULES if name in loaded]
    assert not found, (
        f"edge loads {', '.join(found)}, which tests/budget.py forbids. Who does, says "
        "`python -X importtime -c 'import edge.agent'`: do without, or import it where it is used"
    )


@only_as_measured
def test_the_loaded_agent_fits_its_memory() -> None:
    """Before the first camera: libraries and code alone."""
    rss_mb = _status("VmRSS") * 1024 / 1e6
    _hold(
        "resident memory of the loaded agent", rss_mb, budget.MAX_IMPORT_RSS_MB, "MB",
        "see what was imported lately with `python -X importtime -c 'import edge.agent'`",
    )  # fmt: skip


def test_the_loaded_agent_has_one_thread() -> None:
    """Threads are started by their owners, by no import and by no library for itself."""
    _hold(
        "threads of the loaded agent", _status("Threads"), budget.MAX_IMPORT_THREADS, "",
        "hold the library that starts them to one, in edge/base/memory.py",
    )  # fmt: skip


@pytest.mark.skipif("CAMWATCH_CHECK" not in os.environ, reason="timed: scripts/check runs it")
def test_loading_the_agent_costs_little_more_than_its_three_libraries() -> None:
    """A ratio within one run, so that neither the machine nor its load is measured."""
    _python(AGENT)  # compiles what was not compiled yet
    costs_s = [(_cpu_s(AGENT), _cpu_s(LIBRARIES)) for _ in range(RUNS)]
    agent_s, libraries_s = (min(each) for each in zip(*costs_s, strict=True))
    _hold(
        f"processor time of loading the agent over `{LIBRARIES}`",
        agent_s / libraries_s, budget.MAX_IMPORT_CPU_RATIO, "",
        "sort `python -X importtime -c 'import edge.agent'` and drop or delay what is dear",
    )  # fmt: skip


@only_as_measured
def test_what_a_node_installs_fits_its_card() -> None:
    """All that its lock names, which is what `pip install` would bring."""
    sizes_mb = {name: _installed_mb(name) for name in _locked()}
    largest = sorted(sizes_mb, key=lambda name: -sizes_mb[name])[:3]
    _hold(
        "installed size of requirements/node.txt", sum(sizes_mb.values()),
        budget.MAX_INSTALLED_MB, "MB",
        "do without what was added or has grown; the largest are "
        + ", ".join(f"{name} {sizes_mb[name]:.0f}" for name in largest),
    )  # fmt: skip


def _hold(what: str, figure: float, limit: float, unit: str, remedy: str) -> None:
    assert figure <= limit, (
        f"{what}: {figure:.4g} {unit}, budget {limit:.4g} {unit} (tests/budget.py). "
        f"What to do: {remedy}; or raise the budget and say in the commit what it buys"
    )


def _python(code: str) -> str:
    """What a fresh interpreter prints: this checkout's `edge`, and no settings of the shell's."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "OPENBLAS_", "OMP_"))
    }
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=plain, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return result.stdout


def _status(field: str) -> int:
    """One number of proc_pid_status(5) when the agent is loaded; memory in KiB."""
    found = re.search(rf"^{field}:\s+(\d+)", _python(AGENT + STATUS), re.MULTILINE)
    assert found is not None
    return int(found[1])


def _cpu_s(code: str) -> float:
    """User and system time of one run; children of this process in between would count, too."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _python(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _locked() -> set[str]:
    lines = (ROOT / "requirements" / "node.txt").read_text(encoding="utf-8").splitlines()
    return {line.partition("==")[0].strip() for line in lines if "==" in line}


def _installed_mb(name: str) -> float:
    files = importlib.metadata.distribution(name).files
    assert files, f"{name} has no RECORD: was it installed from a wheel?"
    return sum(file.size or 0 for file in files) / 1e6
