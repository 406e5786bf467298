"""Builds a version's virtual environment beside the others, from a bundle alone, and tries it.

A version's folder counts only with the mark in it, which is written last and names the bundle; one
without is a build that was cut short, and goes. Environments cannot be moved, so each is built
where it is to stay.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.base import crashpoint, durable
from edge.base.errors import EX_CONFIG, storage_error
from edge.update.errors import FailedError
from edge.update.layout import Layout

log = logging.getLogger(__name__)

MARK = "camwatch-installed"  # scripts/install-node's too; here it names the bundle
BUILD_LIMIT_S = 3600.0  # a board with an old card
TEST_LIMIT_S = 600.0
KILL_S = 30.0
MAX_SAID = 2000
NICE = 10
KEPT = ("TMPDIR", "LANG", "CAMWATCH_BOOT_ID")
DIR_MODE = 0o755
PIP = ("--isolated", "--no-input", "--disable-pip-version-check", "--quiet")
PIP_PLACE = Path("/usr/share/python-wheels")  # Debian's python3-pip-whl


@dataclass(frozen=True)
class Facts:
    """What a version says of itself."""

    version: str
    journal: int
    journal_usable_from: int


def is_built(layout: Layout, version: str, sha256: str) -> bool:
    """Whether that version lies there whole, made from that bundle."""
    try:
        return (layout.versions / version / MARK).read_text(encoding="ascii") == _mark(sha256)
    except OSError:
        return False


def build(layout: Layout, version: str, sha256: str, bundle: Path) -> None:
    """Make the version's environment from an unpacked bundle, durable on return.

    Raises FailedError, StorageError.
    """
    target = layout.versions / version
    remove(target)
    bundle = _top(bundle)
    wheels = bundle / "wheels"
    own = sorted(wheels.glob(f"camwatch-{version}-*.whl"))
    locked = bundle / "requirements/node.txt"
    if len(own) != 1 or not locked.is_file():
        raise FailedError("bundle", f"the bundle lacks camwatch {version} or its requirements")
    log.info("building %s", target)
    making = [_base_python(), "-m", "venv", "--without-pip", "--symlinks", str(target)]
    _run("build", making, limit_s=BUILD_LIMIT_S)
    crashpoint.at("update.venv")
    pip = [str(target / "bin/python"), str(_pip(wheels)), *PIP]
    install = [*pip, "install", "--no-cache-dir", "--no-index", "--no-deps",
               "--root-user-action=ignore"]  # fmt: skip
    hashed = ["--require-hashes", "--find-links", str(wheels), "-r", str(locked)]
    _run("build", [*install, *hashed], limit_s=BUILD_LIMIT_S)
    crashpoint.at("update.wheels")
    _run("build", [*install, str(own[0])], limit_s=BUILD_LIMIT_S)
    _run("build", [*pip[:-1], "check"], limit_s=BUILD_LIMIT_S)
    os.sync()
    crashpoint.at("update.built")
    durable.write_file(target / MARK, _mark(sha256).encode(), mode=0o644)


def test(layout: Layout, version: str, config: Path, owner: Path) -> Facts:
    """Have a built version prove that it works here, as the user whose folder `owner` is.

    Raises FailedError with what it said.
    """
    command = [
        "timeout", f"--kill-after={KILL_S:g}", f"{TEST_LIMIT_S:g}",  # we may not kill another's
        str(layout.versions / version / "bin/camwatch-edge"), "self-test", "--json",
        "--config", str(config),
    ]  # fmt: skip
    is_root, info = os.geteuid() == 0, owner.stat()
    said = _run(
        "self_test", command, limit_s=TEST_LIMIT_S + 2 * KILL_S,
        user=info.st_uid if is_root else None, group=info.st_gid if is_root else None,
    )  # fmt: skip
    try:
        found = json.loads(said)
        facts = Facts(
            str(found["version"]), int(found["journal"]), int(found["journal_usable_from"])
        )
    except (ValueError, KeyError, TypeError) as err:
        raise FailedError("self_test", f"its self-test says what is none: {said[:200]}") from err
    if facts.version != version:
        raise FailedError("bundle", f"the bundle of {version} holds {facts.version}")
    return facts


def remove(target: Path) -> None:
    """Remove a version, its mark first, so that half of one never counts. Raises StorageError."""
    if target.is_dir():
        durable.remove(target / MARK)
    try:
        shutil.rmtree(target)
    except FileNotFoundError:
        return
    except OSError as err:
        raise storage_error(err, "cannot remove", target) from err


def keep_only(layout: Layout, versions: Sequence[str]) -> None:
    """Remove all other versions. Raises StorageError."""
    if not layout.versions.is_dir():
        return
    for path in layout.versions.iterdir():
        if path.name not in versions:
            log.info("removing %s", path)
            remove(path)


def _mark(sha256: str) -> str:
    return f"bundle {sha256}\n"


def _top(folder: Path) -> Path:
    """The folder that holds all of an unpacked bundle."""
    found = list(folder.iterdir())
    return found[0] if len(found) == 1 and found[0].is_dir() else folder


def _pip(wheels: Path) -> Path:
    """pip, run from its own wheel: no environment needs it afterwards. Raises FailedError."""
    for place in (wheels, PIP_PLACE):
        for wheel in sorted(place.glob("pip-*.whl")):
            return wheel / "pip"
    raise FailedError("bundle", f"there is no pip, in the bundle or in {PIP_PLACE}")


def _base_python() -> str:
    """The system's own interpreter that this environment was made with."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def _run(
    reason: str,
    command: Sequence[str],
    *,
    limit_s: float,
    user: int | None = None,
    group: int | None = None,
) -> str:
    """What the command printed. Raises FailedError for one that fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=limit_s, check=False, env=_environment(), cwd="/", user=user, group=group,
            extra_groups=[] if user is not None else None, preexec_fn=_stand_back,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as err:
        raise FailedError(reason, f"{Path(command[0]).name} cannot be run: {err}") from err
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-MAX_SAID:]
        is_settings = reason == "self_test" and done.returncode == EX_CONFIG
        raise FailedError(
            "settings" if is_settings else reason,
            f"{' '.join(Path(each).name for each in command[:4])} ended with {done.returncode}:"
            f" {said}",
        )
    return done.stdout


def _stand_back() -> None:
    """What is built beside the running node is worth less than the node."""
    os.nice(NICE)


def _environment() -> Mapping[str, str]:
    """Nothing of ours that could lead pip or Python elsewhere."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    given = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"}
    return kept | given | {"PIP_CONFIG_FILE": os.devnull}
