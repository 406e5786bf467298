"""Scripts that run as root on other people's machines: nothing that shellcheck frowns at."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    *(ROOT / "scripts" / name for name in ("install-hub", "install-node", "bundle", "flash-node")),
    *(ROOT / "scripts" / "lib" / "flash" / "card" / name for name in ("first-boot", "arm")),
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    """With all that a script sources."""
    found = shutil.which("shellcheck")
    assert found, "apt-get install shellcheck"
    done = subprocess.run([found, str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("on_terminal", "no_color", "is_bold"),
    [(True, "", True), (True, "1", False), (False, "", False)],
)
def test_a_script_is_bold_on_a_terminal_alone(
    on_terminal: bool, no_color: str, is_bold: bool
) -> None:
    """A pipe, a log and who set NO_COLOR get the plain text."""
    reading, writing = os.openpty() if on_terminal else os.pipe()
    subprocess.run(
        ["bash", "-c", f'. {ROOT}/scripts/lib/environment.sh; say "on the way"'],
        stderr=writing, env={**os.environ, "NO_COLOR": no_color}, check=True, timeout=60,
    )  # fmt: skip
    text = os.read(reading, 1000).decode()
    for each in (reading, writing):
        os.close(each)
    assert ("\033[" in text, text.strip().endswith(" on the way")) == (is_bold, True)


def test_no_secret_is_an_argument_of_an_installer() -> None:
    """Everybody on the machine can read the arguments of a process."""
    for script in SCRIPTS[:2]:
        text = script.read_text(encoding="utf-8")
        assert "--password" not in text and "--token" not in text and "--secret" not in text


@pytest.mark.parametrize(
    "name",
    ["lock", "check", "write-pictures", "write-reference", "write-schemas", "write-texts"],
)
def test_a_maintainers_script_tells_what_it_does(name: str) -> None:
    """And does nothing then."""
    script = ROOT / "scripts" / name
    done = subprocess.run(
        [script, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    first = script.read_text(encoding="utf-8").splitlines()[1]
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, first.removeprefix("# "))


@pytest.mark.parametrize(
    "name", ["lock", "write-pictures", "write-reference", "write-schemas", "write-texts"]
)
def test_a_maintainers_script_refuses_what_it_does_not_know(name: str) -> None:
    """A mistyped option must not be the whole work."""
    done = subprocess.run(
        [ROOT / "scripts" / name, "--bogus"], capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "unknown argument --bogus" in done.stderr
