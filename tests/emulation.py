"""A pytest plugin for emulated aarch64: what qemu cannot do is skipped, with its reason.

`scripts/lib/arm64.sh` loads it with `-p tests.emulation`. It refuses to run on another machine, so
that such a run never passes on the wrong one.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping

import pytest

MACHINE = "aarch64"

CANNOT: Mapping[str, str] = {
    "tests/edge/capture/test_device.py::test_what_is_no_video_device_is_told": (
        "qemu knows no Video4Linux ioctl and answers ENOSYS before the kernel is asked"
    ),
    "tests/edge/classify/test_classifier.py::test_a_model_gets_no_more_memory_than_it_was_given": (
        "qemu sets no limit to memory, which would hold for itself too"
    ),
    "tests/edge/classify/test_classifier.py::test_the_child_gives_way_to_everything": (
        "qemu sets no limit to memory, which would hold for itself too"
    ),
    "tests/edge/base/test_memory.py::"
    "test_code_that_ran_once_is_let_go_of_and_comes_back_when_it_is_called": (
        "qemu runs a translation that it keeps itself, so little of the code itself is in memory"
    ),
    "tests/edge/test_budget.py::test_the_loaded_agent_has_one_thread": (
        "qemu has a thread of its own in each process"
    ),
}
"""By a test's id without parameters: why it cannot run."""


def pytest_configure() -> None:
    """Raises UsageError on another machine."""
    if platform.machine() != MACHINE:
        raise pytest.UsageError(f"this machine is {platform.machine()}, not {MACHINE}")


def pytest_report_header() -> str:
    """Which machine the tests believe to run on."""
    return f"machine: {platform.machine()}, emulated by qemu's user mode"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run."""
    for item in items:
        if reason := CANNOT.get(item.nodeid.partition("[")[0]):
            item.add_marker(pytest.mark.skip(reason=f"emulated: {reason}"))
