"""scripts/install-node with newer versions: good ones are taken, others taken back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scripts.install import steps
from tests.scripts.install.steps import Step
from tests.scripts.install.versions import newer
from tests.units.container import NODE_SETTINGS, bare_container

pytestmark = [
    pytest.mark.slow,
    pytest.mark.system,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("bundle"),
]

HUB_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
DEAD = {"edge/cli.py": ("return _ended(agent.run(settings))", "return 1")}
UNFIT = {"edge/selftest.py": ("LIMIT_S = 120.0", "LIMIT_S = 0.0")}
STEPS = """
software    ./install-node --no-start
secret      install -o camwatch-edge -m 600 /dev/stdin /etc/camwatch/gate-3.secret <<< secret
first       ./install-node --no-doctor
epoch       edge journal
good        ./install-node --from /good --no-doctor
good_link   readlink /opt/camwatch/current /opt/camwatch/previous /opt/camwatch/proven
dead        ./install-node --from /dead --no-doctor
dead_link   readlink /opt/camwatch/current /opt/camwatch/proven
alive       systemctl is-active camwatch-edge
unfit       ./install-node --from /unfit --no-doctor
unfit_link  readlink /opt/camwatch/current /opt/camwatch/proven
version     camwatch-edge version
after       edge journal
"""


@pytest.fixture(scope="module")
def done(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """All steps, in one container that is booted once."""
    folder = tmp_path_factory.mktemp("node")
    bundles = {
        "/bundle": unpacked,
        "/good": newer(unpacked, folder / "good", "0.2.0", {}),
        "/dead": newer(unpacked, folder / "dead", "0.3.0", DEAD),
        "/unfit": newer(unpacked, folder / "unfit", "0.4.0", UNFIT),
    }
    with bare_container(folder / "container", bundles) as machine:
        # Set up by hand, and its hub is away: what failed before does not hold an upgrade up.
        machine.write("/etc/camwatch/edge.yaml", NODE_SETTINGS)
        machine.write("/etc/camwatch/hub.pub", f"{HUB_KEY}\n")
        return steps.results(machine.boot(steps.LITE + steps.script(STEPS)))


def test_a_good_version_is_taken_while_the_hub_is_away(done: dict[str, Step]) -> None:
    """What failed before, the way to the hub, does not count."""
    assert done["software"].status == 0, done["software"].text
    assert done["first"].status == 0, done["first"].text
    assert done["good"].status == 0, done["good"].text
    links = done["good_link"].text.split()
    assert links == ["versions/0.2.0", "versions/0.1.0", "versions/0.2.0"]


def test_a_version_that_does_not_start_is_taken_back(done: dict[str, Step]) -> None:
    """The one before runs, and is the one that proved itself."""
    assert done["dead"].status == 1
    assert "it does not start" in done["dead"].text and "0.2.0 runs again" in done["dead"].text
    assert done["dead_link"].text.split() == ["versions/0.2.0", "versions/0.2.0"]
    assert done["alive"].text == "active\n"


def test_a_version_that_fails_its_own_test_changes_nothing(done: dict[str, Step]) -> None:
    """The node that runs is not even stopped for it."""
    assert done["unfit"].status == 1
    assert "nothing was changed" in done["unfit"].text
    assert done["unfit_link"].text.split() == ["versions/0.2.0", "versions/0.2.0"]
    assert "0.1.0" in done["version"].text, "the number in the sources, which only bundles change"


def test_the_journal_goes_on_through_all_of_it(done: dict[str, Step]) -> None:
    """The same epoch: no record was lost."""
    assert done["epoch"].status == done["after"].status == 0
    epochs = [re.findall(r"\b[0-9a-f]{16,32}\b", done[each].text) for each in ("epoch", "after")]
    assert epochs[0] and epochs[0][0] == epochs[1][0], epochs
