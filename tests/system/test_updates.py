"""Updates from the hub to a node that is installed as real ones are, with real broker, hub, agent,
installer, environments and pip; only systemd is played by the test."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from edge import __version__
from edge.keys import load_or_make
from tests.fault import checker
from tests.fault.drained import is_drained
from tests.harness import releases
from tests.harness.patience import PATIENCE_S
from tests.harness.releases import ARCH, Patch
from tests.harness.supervised import SupervisedNode
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

NEW = "0.2.0"
NODE = "gate-3"


def dies(text: str) -> str:
    return text.replace("    stop = threading.Event()\n", "    raise RuntimeError('bad')\n", 1)


def sees_nothing(text: str) -> str:
    return text.replace(
        "from __future__ import annotations\n",
        "from __future__ import annotations\nimport time\n", 1,
    ) + (
        "\n_made = make\n\ndef make(camera, *rest, **more):\n"
        "    if camera.kind == 'file':\n"
        "        time.sleep(3600)\n"
        "    return _made(camera, *rest, **more)\n"
    )  # fmt: skip


def reaches_nobody(text: str) -> str:
    return text.replace(
        '        self._failure = ""\n        client = self._make_client()',
        '        raise SessionError("bad")\n        client = self._make_client()', 1,
    )  # fmt: skip


class Site:
    """A hub with a maker's key, and one node that it may update."""

    def __init__(self, town: Stage, folder: Path) -> None:
        self.town = town
        self.hub = town.hub
        self.folder = folder
        self.maker = load_or_make(folder / "maker.key")
        clip = stage.car(folder / "car.mp4")
        settings = town.node(NODE, [stage.camera("gate", clip)], town.enrol(NODE))
        settings.write_settings()
        self.state_dir = settings.state_dir
        self.node = SupervisedNode(
            folder / "root", folder / "first", settings.config_file, settings.state_dir
        )
        self.node.trust(self.maker)
        (folder / "maker.pub").write_text(self.maker.public.text)
        self.say("release", "trust", str(folder / "maker.pub"))

    def say(self, *arguments: str) -> str:
        """A command at the hub that has to succeed."""
        done = self.hub.command(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def add(self, version: str, patches: Mapping[str, Patch] | None = None) -> None:
        """Make a release of this working tree under that number, and give it to the hub."""
        path = self.folder / f"{version}.tar"
        releases.bundle(
            path, version, releases.borrowing_wheels(self.folder),
            releases.camwatch_wheel(version, patches),
        )  # fmt: skip
        made = releases.sign(self.maker, version, {ARCH: path})
        self.say("release", "add", str(made.write(self.folder / f"{version}.release")))
        path.unlink()

    def of_node(self) -> dict[str, object]:
        """What the hub knows of the node's update."""
        done = self.hub.command("release", "nodes", "--json")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return next((row for row in rows if row["node"] == NODE), {})

    def rollout(self) -> dict[str, object]:
        """The newest."""
        found: dict[str, object] = json.loads(self.say("release", "status", "--json"))
        return found

    def wait_for_the_end(self) -> str:
        """How the roll-out ended."""
        self.node.wait(
            lambda: self.rollout()["state"] != "running", "the roll-out ends", 3 * PATIENCE_S
        )
        return str(self.rollout()["state"])

    def end_drained(self) -> None:
        """Stop the node at a moment when the hub has everything before it."""
        self.node.wait(lambda: is_drained(self.state_dir), "an empty journal")
        self.node.stop()

    def check_nothing_is_lost(self) -> None:
        """By the independent checker, on hub and node; no event is cut short by a loss."""
        self.end_drained()
        self.hub.stop()
        verdict = checker.check(
            self.hub.state_dir, [], node_states=[self.state_dir], is_drained=False
        )
        assert verdict.is_good, str(verdict)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with contextlib.ExitStack() as stack, stage.stage(tmp_path) as town:
        town.hub.start_ready()
        made = Site(town, tmp_path)
        stack.callback(made.node.stop)
        made.node.start()
        made.node.wait(lambda: made.of_node().get("can_update") is True, "the node says what it is")
        yield made


def test_a_release_goes_from_the_hub_to_a_node_and_events_go_on(site: Site) -> None:
    """Verified twice, fetched from the hub alone, built, tried, kept; nothing is lost meanwhile."""
    site.town.wait_for_events(stage.are_complete(1), PATIENCE_S)
    site.add(NEW)
    site.say("release", "roll-out", NEW, "--stage", f"node:{NODE}", "--healthy-for", "1s")
    site.node.wait(
        lambda: site.rollout()["state"] == "done", "the roll-out is done", 3 * PATIENCE_S
    )
    assert site.of_node()["stage"] == "good"
    assert site.of_node()["version"] == NEW
    assert (site.node.version("current"), site.node.version("proven")) == (NEW, NEW)
    assert site.node.kept() == {__version__, NEW}
    before = len(site.town.query())
    site.town.wait_for_events(stage.are_complete(before + 1), PATIENCE_S)
    assert not list((site.state_dir / "update").glob("bundle*")), "what was fetched is gone"
    site.check_nothing_is_lost()


@pytest.mark.parametrize(
    ("path", "patch", "reason"),
    [
        pytest.param("edge/agent.py", dies, "no_sign_of_life", marks=pytest.mark.slow),
        ("edge/capture/source.py", sees_nothing, "no_packets"),
        pytest.param("edge/uplink/session.py", reaches_nobody, "no_hub", marks=pytest.mark.slow),
    ],
)
def test_a_bad_release_is_taken_back_with_no_event_lost(
    site: Site, path: str, patch: Patch, reason: str
) -> None:
    """It passes its self-test and fails at work; the hub is told why, and stops the roll-out."""
    site.node.terms = ("--hold-s", "5", "--limit-s", "60", "--silent-s", "30")
    site.town.wait_for_events(stage.are_complete(1), PATIENCE_S)
    site.add(NEW, {path: patch})
    site.say("release", "roll-out", NEW, "--stage", "all", "--healthy-for", "1s")
    assert site.wait_for_the_end() == "stopped", site.rollout()
    told = site.of_node()
    assert (told["stage"], told["reason"], told["version"]) == ("returned", reason, __version__)
    assert NODE in str(site.rollout()["reason"])
    assert site.node.version("current") == __version__
    assert site.node.kept() == {__version__}
    before = len(site.town.query())
    site.town.wait_for_events(stage.are_complete(before + 1), PATIENCE_S)
    site.check_nothing_is_lost()


def test_kills_of_agent_and_installer_do_not_keep_an_update_from_ending(site: Site) -> None:
    """The installer dies at its switch, as in a power cut, and the next one goes on."""
    site.add(NEW)
    site.node.installer_env = {"CAMWATCH_CRASH_AT": "update.switched:1"}
    site.say("release", "roll-out", NEW, "--stage", "all", "--healthy-for", "1s")
    site.node.wait(lambda: site.node.version() == NEW, "the switch", 3 * PATIENCE_S)
    site.node.installer_env = {}
    site.node.wait(
        lambda: site.rollout()["state"] == "done", "the roll-out is done", 3 * PATIENCE_S
    )
    site.check_nothing_is_lost()


def test_nobody_fetches_what_was_not_ordered(site: Site) -> None:
    """With a node's own secret, and without."""
    import http.client
    from base64 import b64encode
    from urllib.parse import urlsplit

    site.add(NEW)
    sha256 = next((site.hub.state_dir / "releases").glob("*.tar")).stem
    secret = (site.hub.folder / f"{NODE}.secret").read_text().strip()

    def get(login: str, path: str) -> int:
        parts = urlsplit(site.hub.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        header = {"Authorization": "Basic " + b64encode(login.encode()).decode()}
        connection.request("GET", path, headers=header)
        status = connection.getresponse().status
        connection.close()
        return status

    assert get(f"{NODE}:{secret}", f"/releases/{sha256}") == 404, "not ordered yet"
    assert get(f"{NODE}:wrong", f"/releases/{sha256}") == 401
    assert get(f"{NODE}:{secret}", "/releases/..%2f..%2fhub.key") == 404
    site.say("release", "roll-out", NEW, "--stage", "all", "--healthy-for", "1s")
    site.node.wait(lambda: get(f"{NODE}:{secret}", f"/releases/{sha256}") == 200, "the order")
