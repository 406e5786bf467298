"""An offline bundle for the machine that tests, from which its containers install."""

from __future__ import annotations

import platform
import subprocess
import tarfile
from pathlib import Path

import pytest

from scripts.lib import bundle
from tests.units.container import PYTHON


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bundle for nodes and hubs; not to be changed."""
    asked = [str(PYTHON), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    python = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    if platform.machine() not in bundle.ARCHES:
        pytest.skip(f"there are no bundles for {platform.machine()}")
    folder = tmp_path_factory.mktemp("installed")
    try:
        path = bundle.make(platform.machine(), [python], folder, has_hub=True)
    except bundle.BundleError as err:
        if err.is_retryable:
            pytest.skip(f"no package index here: {err}")
        raise
    with tarfile.open(path) as tar:
        tar.extractall(folder, filter="data")
    path.unlink()
    return folder / path.stem
