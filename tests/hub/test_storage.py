"""A real hub whose archive's disk is full, away, or damaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.contract import record, topics
from edge.contract.record import EventEnded
from tests.disks import Mount, mounts, tmpfs
from tests.harness.broker import Broker
from tests.harness.plugin import HubFactory
from tests.harness.publisher import Publisher
from tests.hub.journals import Journal, snapshot_ref
from tests.hub.test_running_hub import TIMEOUT_S, Hub
from tests.hub.tus_client import TusClient

pytestmark = pytest.mark.system

MIB = 2**20
CLIP = bytes(range(256)) * 4096


@pytest.fixture
def make_mount() -> Iterator[Callable[..., Mount]]:
    """Mounts that end with the test."""
    with mounts() as make:
        yield make


def started(hub: HubFactory, broker: Broker, archive_dir: Path, **more: object) -> Hub:
    """A hub that is ready, with its archive in that folder."""
    process = hub({"archive_dir": str(archive_dir), **more})
    result = process.command("node", "add", "first", "--secret-to", "-")
    assert result.returncode == 0, result.stderr
    broker.adopt(process.passwd_file, process.acl_file)
    made = Hub(process, broker)
    made.start()
    return made


def archived(node: Publisher) -> int:
    """The highest number that the node was told to be archived."""
    return max((ack.upto for ack in node.acks), default=0)


def test_a_full_disk_acknowledges_nothing_says_so_and_heals(
    hub: HubFactory, broker: Broker, tmp_path: Path, make_mount: Callable[..., Mount]
) -> None:
    """Records are refused in silence and uploads with 507; the operator is told; once there is
    room everything goes on by itself, and what was sent meanwhile is archived."""
    mount = make_mount(tmp_path / "disk", *tmpfs("48m"))
    running = started(hub, broker, mount.path, keep_free="8MiB")
    node = running.node("gate-1")
    node.connect()
    ended = Journal("gate-1").event(clip=CLIP)[-1]
    body = record.decode(ended.payload).body
    assert isinstance(body, EventEnded) and ended.header.event is not None
    first = node.make(body, event=ended.header.event, camera="door")
    node.send(first)
    node.wait_for_ack(first, TIMEOUT_S)
    client = TusClient(running.process.url, "gate-1", running.secret("gate-1"))
    path = client.create(ended.header.event, CLIP).headers["location"]
    half = client.append(path, 0, CLIP[: len(CLIP) // 2]).offset

    filler = mount.fill(5 * MIB)  # clips are refused, records are not
    second = node.make_booted()
    node.send(second)
    node.wait_for_ack(second, TIMEOUT_S)
    for answer in (client.append(path, half, CLIP[half:]), client.create(ended.header.event, CLIP)):
        assert (answer.status, answer.error) == (507, "disk_full")
    assert "must stay free" in running.process.command("problems").stdout

    mount.fill(MIB)
    third = node.make_booted()
    node.send(third)
    running.process.wait_until(
        lambda: "nothing is acknowledged" in running.process.log_text, TIMEOUT_S
    )
    assert archived(node) == 2
    assert "nothing is acknowledged" in running.process.command("nodes").stdout

    filler.unlink()
    node.wait_for_ack(third, TIMEOUT_S)
    assert client.head(path).offset == half
    assert client.append(path, half, CLIP[half:]).status == 204
    running.process.wait_until(
        lambda: "no problem" in running.process.command("problems").stdout, TIMEOUT_S
    )
    log = running.process.log_text
    assert log.count("cannot archive, so nothing is acknowledged") == 1
    assert "Traceback" not in log
    node.close()


def test_snapshots_that_find_no_room_do_not_hold_up_records(
    hub: HubFactory, broker: Broker, tmp_path: Path, make_mount: Callable[..., Mount]
) -> None:
    """They are not acknowledged, so their node sends them again, and then they are taken."""
    mount = make_mount(tmp_path / "disk", *tmpfs("48m"))
    running = started(hub, broker, mount.path, keep_free="8MiB")
    node = running.node("gate-1")
    node.connect()
    jpeg = b"\xff\xd8" + b"picture" * 999
    journal = Journal("gate-1")
    made = node.make_event(camera="door", snapshot=snapshot_ref(jpeg, journal.instant()))
    for each in made:
        node.send(each)
    node.wait_for_ack(made[1], TIMEOUT_S)
    filler = mount.fill(5 * MIB)
    where = topics.snapshot("gate-1", str(made[0].event))
    node.publish(where, jpeg)
    later = node.make_booted()
    node.send(later)
    node.wait_for_ack(later, TIMEOUT_S)
    sha256 = hashlib.sha256(jpeg).hexdigest()
    assert not [ack for ack in node.acks if sha256 in ack.snapshots]
    running.process.wait_until(
        lambda: (
            "snapshots: " in running.process.command("problems").stdout
            or "must stay free of clips and snapshots" in running.process.command("problems").stdout
        ),
        TIMEOUT_S,
    )
    filler.unlink()
    node.publish(where, jpeg)
    running.process.wait_until(lambda: any(sha256 in ack.snapshots for ack in node.acks), TIMEOUT_S)
    node.close()


def test_a_hub_without_its_archive_disk_refuses_to_start_and_writes_nothing(
    hub: HubFactory, broker: Broker, tmp_path: Path, make_mount: Callable[..., Mount]
) -> None:
    """Status 1, what is missing, and an empty mount point; commands that read say the same."""
    mount = make_mount(tmp_path / "disk", *tmpfs("32m"))
    running = started(hub, broker, mount.path, keep_free="1MiB")
    running.process.stop()
    mount.vanish()
    for command in (
        ("run",),
        ("query",),
        ("nodes",),
        ("node", "add", "gate-2", "--secret-to", "-"),
        ("check",),
    ):
        result = running.process.command(*command)
        assert result.returncode == 1, command
        assert "does not hold the archive" in result.stderr
        assert "mount the archive's disk" in result.stderr
        assert "Traceback" not in result.stderr
    assert "does not hold the archive" in running.process.command("problems").stdout
    assert list(mount.path.iterdir()) == []


def test_a_disk_that_vanishes_under_a_running_hub_loses_nothing(
    hub: HubFactory, broker: Broker, tmp_path: Path, make_mount: Callable[..., Mount]
) -> None:
    """Nothing is acknowledged or written to the mount point; when the disk is back, the hub goes
    on with the same archive."""
    (tmp_path / "real").mkdir()
    mount = make_mount(tmp_path / "disk", "--bind", str(tmp_path / "real"))
    process = hub({"archive_dir": str(mount.path)})
    assert process.command("accept-archive").returncode == 0
    running = started(hub, broker, mount.path)
    node = running.node("gate-1")
    node.connect()
    first = node.make_booted()
    node.send(first)
    node.wait_for_ack(first, TIMEOUT_S)
    mount.vanish()
    second = node.make_booted()
    node.send(second)
    running.process.wait_until(
        lambda: "does not hold the archive" in running.process.log_text, TIMEOUT_S
    )
    assert archived(node) == 1
    assert list(mount.path.iterdir()) == []
    mount.mount()
    node.wait_for_ack(second, TIMEOUT_S)
    nodes = map(json.loads, running.process.command("nodes", "--json").stdout.splitlines())
    states = {each["node"]: each for each in nodes}
    assert states["gate-1"]["journals"][0]["upto"] == 2
    assert "Traceback" not in running.process.log_text
    node.close()


def test_a_damaged_archive_is_refused_with_what_to_do(
    hub: HubFactory, broker: Broker, tmp_path: Path
) -> None:
    """Status 1, no traceback, and the damaged file is left as it is."""
    process = hub()
    assert process.command("node", "add", "first", "--secret-to", "-").returncode == 0
    path = process.state_dir / "archive.sqlite"
    path.write_bytes(b"\0not a database" * 4096)
    content = path.read_bytes()
    result = process.command("run")
    assert result.returncode == 1
    assert "check --full" in result.stderr
    assert "Traceback" not in result.stderr
    assert path.read_bytes() == content
