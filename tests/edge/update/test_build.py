"""Building a version from a bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.update import build, unpack
from edge.update.errors import FailedError
from edge.update.layout import Layout
from tests.edge.update.rig import Rig, dummy
from tests.harness import releases

NEW = "0.2.0"
SUM = "ab" * 32


def unpacked(folder: Path, held: dict[str, bytes]) -> Path:
    """A bundle that was taken apart."""
    releases.write_tar(folder / "b.tar", {f"camwatch-{NEW}-x/{k}": v for k, v in held.items()})
    unpack.unpack(folder / "b.tar", folder / "unpacked")
    return folder / "unpacked"


@pytest.mark.parametrize(
    "change",
    [
        {"requirements/node.txt": b"nothing==1.0 --hash=sha256:" + b"0" * 64},
        {"wheels/camwatch-0.2.0-py3-none-any.whl": b"no zip"},
    ],
)
def test_a_bundle_that_lacks_something_builds_nothing_that_counts(
    tmp_path: Path, change: dict[str, bytes]
) -> None:
    """A locked wheel that is not in it, or one that is none: pip says so, no network is asked."""
    layout = Layout(tmp_path)
    layout.versions.mkdir(parents=True)
    with pytest.raises(FailedError) as caught:
        build.build(layout, NEW, SUM, unpacked(tmp_path, dummy(NEW) | change))
    assert caught.value.reason == "build"
    assert not build.is_built(layout, NEW, SUM)


def test_a_bundle_of_another_version_is_told(tmp_path: Path) -> None:
    """Before anything is built."""
    layout = Layout(tmp_path)
    with pytest.raises(FailedError, match=r"lacks camwatch 0\.3\.0"):
        build.build(layout, "0.3.0", SUM, unpacked(tmp_path, dummy(NEW)))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_version_is_built_from_its_wheels_alone_and_does_its_work(tmp_path: Path) -> None:
    """With all its libraries as wheels, nothing borrowed: its self-test records an event."""
    rig = Rig(tmp_path)
    wheels = releases.whole_wheels()
    releases.bundle(tmp_path / "b.tar", NEW, wheels, releases.camwatch_wheel(NEW))
    unpack.unpack(tmp_path / "b.tar", tmp_path / "unpacked")
    build.build(rig.layout, NEW, SUM, tmp_path / "unpacked")
    assert build.is_built(rig.layout, NEW, SUM)
    (packages,) = (rig.layout.versions / NEW).glob("lib/python3*/site-packages")
    assert {"av", "cv2", "numpy", "edge"} <= {path.name for path in packages.iterdir()}
    assert not list(packages.glob("*.pth"))
    assert build.test(rig.layout, NEW, rig.config, rig.state_dir).version == NEW
