"""The units as systemd carries them out: node, hub and broker do their work, and no more."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.edge.classify import models
from tests.units.container import BRIEF, NODE_SETTINGS, Container, container

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(1200)]

ALLOWED = (
    "write state", "write tmp", "lower priority", "limit memory", "internet", "resolve",
    "start a program", "database", "encode", "sign", "label",
    "read the video group's",
)  # fmt: skip
REFUSED = (
    "write etc", "write usr", "write opt", "write var", "read root's", "list root", "list boot",
    "see init", "see meminfo", "execute in state", "execute in tmp", "execute in shm",
    "writable code", "set id", "read clock", "set clock", "set name", "new namespace", "mount",
    "reboot", "realtime", "pin", "raise priority", "netlink", "packets",
)  # fmt: skip
SYNC = "mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized\n"

PROBE = """
set -e
sed -e 's/^Type=notify/Type=oneshot/; /^NotifyAccess/d; /^Restart/d; /^WatchdogSec/d' \\
    -e 's#^ExecStart=.*#ExecStart=/opt/camwatch/current/bin/python -m tests.units.probe#' \\
    -e '/^\\[Service\\]/a StandardOutput=append:/var/tmp/camwatch-said' \\
    /etc/systemd/system/camwatch-edge.service > /etc/systemd/system/camwatch-probe.service
systemctl daemon-reload
systemctl start camwatch-probe || journalctl -u camwatch-probe --no-pager
echo "BOOT $(cat /proc/sys/kernel/random/boot_id)"
"""

HUB_SETTINGS = "state_dir: /var/lib/camwatch-hub\ntime_zone: UTC\n"
MODEL = "classify: {model: /etc/camwatch/model.onnx, input_px: 64, classes: [person, car]}\n"
BROKER_SETTINGS = """
listener 1883 127.0.0.1
use_username_as_clientid true
allow_anonymous false
password_file /var/lib/camwatch-hub/broker/passwd
acl_file /var/lib/camwatch-hub/broker/acl
persistence false
log_dest stderr
max_packet_size 327680
"""
TOWN = """
hub() { runuser -u camwatch-hub -- /opt/camwatch/current/bin/camwatch-hub "$@"; }
systemctl daemon-reload
systemctl start camwatch-hub
hub node add gate-3 --secret-to /var/lib/camwatch-hub/gate-3.secret
install -o camwatch-edge -m 600 /var/lib/camwatch-hub/gate-3.secret /etc/camwatch/gate-3.secret
hub key > /etc/camwatch/hub.pub
systemctl restart mosquitto
systemctl start camwatch-edge
for i in $(seq 300); do
    hub query --json --label person | grep '"clips_stored": [1-9]' > /tmp/found && break
    sleep 1
done
echo "EVENT $(head -1 /tmp/found)"
id=$(sed -n '1s/.*"id": "\\([0-9a-f-]*\\)".*/\\1/p' /tmp/found)
echo "SHOWN $(hub show "$id" --json | tr -d '\\n')"
for unit in mosquitto camwatch-hub camwatch-edge; do
    echo "UNIT $unit $(systemctl show $unit -p ActiveState -p NRestarts -p Result | tr '\\n' ' ')"
done
kill -STOP $(systemctl show -p MainPID --value camwatch-edge)
for i in $(seq 120); do
    [ "$(systemctl show -p NRestarts --value camwatch-edge)" != 0 ] && break
    sleep 1
done
echo "WATCHDOG $(systemctl show camwatch-edge -p NRestarts -p Result | tr '\\n' ' ')"
ls -ldn /var/lib/camwatch-hub /var/lib/camwatch-hub/broker
runuser -u mosquitto -- ls /var/lib/camwatch-hub && echo "LISTED by the broker"
systemctl stop camwatch-edge camwatch-hub mosquitto
echo "STOPPED $(systemctl show camwatch-edge -p Result) $(systemctl show camwatch-hub -p Result)"
journalctl -p warning --no-pager -u camwatch-edge -u camwatch-hub -u mosquitto
"""


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """A root with a model in it."""
    with container(tmp_path / "container") as root:
        model = models.write_yolox(tmp_path / "model.onnx", always=0.75)
        (root.root / "etc/camwatch").mkdir()
        (root.root / "etc/camwatch/model.onnx").write_bytes(model.read_bytes())
        for group in ("video", "root"):
            root.write(f"/etc/camwatch/{group}", "x", mode=0o640)
            root.run("chgrp", group, f"/etc/camwatch/{group}")
        yield root


def said(text: str, word: str) -> str:
    """What stands behind `word` at the beginning of a line."""
    lines = [line for line in text.splitlines() if line.startswith(f"{word} ")]
    assert lines, text[-3000:]
    return lines[-1].removeprefix(f"{word} ")


def test_the_nodes_unit_allows_its_work_and_refuses_everything_else(made: Container) -> None:
    """Each of the sandbox's promises is tried by a program in it."""
    text = made.boot(SYNC + PROBE)
    found = json.loads(said(text, "PROBE"))
    wrong = {name: found[name] for name in ALLOWED if found[name] != "ok"}
    wrong |= {name: found[name] for name in REFUSED if found[name] == "ok"}
    assert wrong == {}
    assert found["boot"] == said(text, "BOOT").replace("-", "")
    assert found["clock"] == "synced", "by timesyncd's file, as the kernel may not be asked"


def test_node_hub_and_broker_do_their_work_as_units(made: Container) -> None:
    """An event is seen, labelled, archived with its clip; a node that hangs is started anew."""
    made.write("/etc/camwatch/hub.yaml", HUB_SETTINGS)
    made.write("/etc/camwatch/edge.yaml", NODE_SETTINGS + BRIEF + MODEL)
    made.write("/etc/mosquitto/conf.d/camwatch.conf", BROKER_SETTINGS)
    text = made.boot(SYNC + TOWN)
    event = json.loads(said(text, "EVENT"))
    assert (event["node"], event["labels"][0]["label"]) == ("gate-3", "person")
    shown = json.loads(said(text, "SHOWN"))
    clocks = {json.loads(each["payload"])["clock"]["state"] for each in shown["records"]}
    assert clocks == {"synced"}
    units = [line.split() for line in text.splitlines() if line.startswith("UNIT ")]
    assert {line[1] for line in units if "ActiveState=active" in line} == {
        "mosquitto", "camwatch-hub", "camwatch-edge",
    }, text[-3000:]  # fmt: skip
    assert all("Result=success" in line for line in units)
    assert "NRestarts=1" in said(text, "WATCHDOG"), text[-3000:]
    assert "LISTED by the broker" not in text
    assert said(text, "STOPPED") == "Result=success Result=success"


def test_the_container_leaves_nothing_mounted(tmp_path: Path) -> None:
    """Whoever runs the tests keeps their machine as it was."""
    with container(tmp_path / "container") as root:
        inside = str(root.root)
    mounts = subprocess.run(["mount"], capture_output=True, text=True, check=True).stdout
    assert inside not in mounts
