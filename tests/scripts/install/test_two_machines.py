"""A hub and a node, each installed by its script on a booted system of its own, find each other."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.install import steps
from tests.scripts.install.steps import Step
from tests.units.container import bare_container

pytestmark = [
    pytest.mark.slow,
    pytest.mark.system,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("bundle"),
]

CAMERA = '"gate=synthetic:?width=320&height=180&fps=10"'
WAIT = "for i in $(seq 200); do {}; sleep 1; done; exit 1"
HUB = f"""
install   ./install-hub --name hub.test
add       hub node add gate-3 --camera {CAMERA} --to /var/lib/camwatch-hub/gate-3.node
give      cp /var/lib/camwatch-hub/gate-3.node /shared/part; mv /shared/part /shared/gate-3.node
event     {WAIT.format('hub query --json | grep "clips_stored.: [1-9]" && exit 0')}
seen      touch /shared/event
wait      {WAIT.format("[ -e /shared/node-done ] && exit 0")}
doctor    hub doctor
kicked    journalctl -u mosquitto -o cat | grep "already connected"
"""
NODE = f"""
no_file   ./install-node nowhere.node
no_hub    ./install-node
rubbish   echo "{{}}" > /var/tmp/bad.node; ./install-node /var/tmp/bad.node
wait      {WAIT.format("[ -e /shared/gate-3.node ] && exit 0")}
plant     echo kept > /root/victim; ln -s /root/victim /var/lib/camwatch-edge/gate-3.node
linked    ln -s /shared/gate-3.node /var/tmp/linked.node; ./install-node /var/tmp/linked.node
install   ./install-node --wait 1m /shared/gate-3.node
wiped     ls /shared/gate-3.node
victim    cat /root/victim
secrets   stat -c %n:%U:%a /etc/camwatch/{{gate-3.secret,edge.yaml}} /var/lib/camwatch-edge
proven    readlink /opt/camwatch/current /opt/camwatch/proven
started   systemctl show -p ActiveEnterTimestampMonotonic camwatch-edge
again     ./install-node --no-doctor
after     systemctl show -p ActiveEnterTimestampMonotonic camwatch-edge
doctor    edge doctor --seconds 3
event     {WAIT.format("[ -e /shared/event ] && exit 0")}
uninstall ./install-node --uninstall
kept      ls /etc/camwatch/edge.yaml /var/lib/camwatch-edge/node.key
back      ./install-node --no-doctor
active    systemctl is-active camwatch-edge
purge     ./install-node --uninstall --purge --yes
traces    traces
done      touch /shared/node-done
"""


@contextlib.contextmanager
def network() -> Iterator[str]:
    """A network namespace with a loopback that both machines share."""
    name = f"camwatch-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no network namespaces here: {made.stderr.decode()}")
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False)


@pytest.fixture(scope="module")
def done(
    unpacked: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Step], dict[str, Step]]:
    """What hub and node printed."""
    folder = tmp_path_factory.mktemp("two")
    shared = folder / "shared"
    shared.mkdir()
    said: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        if os.geteuid() != 0:
            pytest.skip("booting a container needs root")
        name = stack.enter_context(network())

        def run(who: str, lines: str) -> threading.Thread:
            machine = stack.enter_context(bare_container(folder / who, {"/bundle": unpacked}))
            machine.write("/etc/hosts", "127.0.0.1 localhost hub.test\n")
            if who == "node":  # Debian's own broker, which is here by chance, would take the port
                masked = machine.root / "etc/systemd/system/mosquitto.service"
                masked.symlink_to("/dev/null")
            script = steps.LITE + SYNC + steps.script(lines)
            thread = threading.Thread(
                name=who,
                target=lambda: said.update(
                    {who: machine.boot(script, network=name, shared=shared)}
                ),
            )
            thread.start()
            return thread

        for thread in [run("hub", HUB), run("node", NODE)]:
            thread.join()
    return steps.results(said["hub"]), steps.results(said["node"])


SYNC = "mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized\n"


def test_a_box_joins_by_its_node_file_and_its_event_is_archived(
    done: tuple[dict[str, Step], dict[str, Step]],
) -> None:
    """With its clip, over TLS both ways."""
    hub, node = done
    assert hub["install"].status == 0, hub["install"].text
    assert hub["add"].status == 0, hub["add"].text
    assert node["install"].status == 0, node["install"].text
    assert hub["event"].status == 0, node["doctor"].text


def test_no_doctor_ends_a_session_of_those_it_looks_at(
    done: tuple[dict[str, Step], dict[str, Step]],
) -> None:
    """Neither the hub's nor the node's, though the broker knows each account once."""
    hub, node = done
    assert node["doctor"].status == 0, node["doctor"].text
    assert "hub.credential" in node["doctor"].text
    assert hub["kicked"].text == ""


def test_the_node_file_is_gone_and_what_came_of_it_is_the_nodes_alone(
    done: tuple[dict[str, Step], dict[str, Step]],
) -> None:
    """Its token was a secret, and so is what it gave."""
    _, node = done
    assert "cannot access" in node["wiped"].text
    assert node["victim"].text == "kept\n", "root followed no link of the node's user"
    assert node["linked"].status == 78 and "is a link" in node["linked"].text
    assert {
        "/etc/camwatch/gate-3.secret:camwatch-edge:600",
        "/var/lib/camwatch-edge:camwatch-edge:700",
    } <= set(node["secrets"].text.split())
    link, proven = node["proven"].text.split()
    assert link == proven


def test_what_cannot_be_used_is_refused_with_a_remedy(
    done: tuple[dict[str, Step], dict[str, Step]],
) -> None:
    """No file, no hub, and a file that is none."""
    _, node = done
    assert node["no_file"].status == 1 and "camwatch-hub node add" in node["no_file"].text
    assert node["no_hub"].status == 1 and "belongs to no hub yet" in node["no_hub"].text
    assert node["rubbish"].status == 78, node["rubbish"].text
    assert "hint: " in node["rubbish"].text


def test_again_it_disturbs_nothing(done: tuple[dict[str, Step], dict[str, Step]]) -> None:
    """A node that runs goes on."""
    _, node = done
    assert node["again"].status == 0, node["again"].text
    assert node["after"] == node["started"]


def test_uninstalling_keeps_who_the_node_is_and_purging_does_not(
    done: tuple[dict[str, Step], dict[str, Step]],
) -> None:
    """Installed again it goes on; purged, nothing of it is left."""
    _, node = done
    assert node["uninstall"].status == 0, node["uninstall"].text
    assert node["kept"].status == 0, node["kept"].text
    assert node["back"].status == 0, node["back"].text
    assert node["active"].text == "active\n"
    assert node["purge"].status == 0, node["purge"].text
    assert node["traces"].text == ""
