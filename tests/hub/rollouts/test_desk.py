"""The running hub's part, on a true archive; only the broker is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.contract import names, status, topics, update
from edge.contract.errors import ContractError
from edge.contract.update import UpdateState
from edge.keys import PrivateKey, load_or_make
from hub.archive import SqliteArchive
from hub.archive.audit import AuditFilter, Deed
from hub.archive.values import Batch, StatusNote
from hub.registry import accounts
from hub.rollouts import judge
from hub.rollouts.control import RolloutControl
from hub.rollouts.desk import Heard, RolloutDesk, SignedOrder, safely
from hub.rollouts.errors import RolloutError
from hub.rollouts.shelf import Shelf
from tests.harness import releases

NODES = ("gate-1", "gate-2", "gate-3")


class Hub:
    """An archive with a release, three nodes that can be updated, and a desk."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.archive = SqliteArchive(folder / "archive.sqlite")
        self.maker = load_or_make(folder / "maker.key")
        self.key = load_or_make(folder / "hub.key")
        self.keys = {node: load_or_make(folder / f"{node}.key") for node in NODES}
        self.sent: list[SignedOrder] = []
        self.has_broker = True
        self.folder = folder
        self.shelf = Shelf(self.archive.updates, folder / "releases")
        self.desk = RolloutDesk(
            self.archive, self.key, self.clock, publish=self._publish,
            key_of=lambda node: self.keys[node].public if node in self.keys else None,
        )  # fmt: skip
        self.control = RolloutControl(self.archive)
        self.shelf.trust(self.maker.public.text, "us", self.clock.utc(), self.deed())
        self.add("0.2.0")
        for node in NODES:
            accounts.add(self.archive, node, "node", self.clock)
            self.status(node, "online")
            self.say(node)
        self.desk.turn()

    def deed(self) -> Deed:
        return Deed(self.clock.utc(), "anna", "command", "", "release.add")

    def add(self, version: str, key: PrivateKey | None = None) -> Path:
        path = self.folder / f"{version}.tar"
        path.write_bytes(version.encode() * 100)
        made = releases.sign(key or self.maker, version, {"aarch64": path})
        file = made.write(self.folder / f"{version}.release")
        self.shelf.add(file, self.clock.utc(), self.deed())
        return file

    def status(self, node: str, state: str) -> None:
        said = status.Status(
            1, "online" if state == "online" else "offline", "0" * 32, "0.1.0", "0" * 16,
            "A" * 43 + "=", (),
        )  # fmt: skip
        self.archive.write(Batch(statuses=(StatusNote(node, said, self.clock.utc()),)))

    def say(self, node: str, stage: str = "idle", number: int = 0, **more: object) -> None:
        fields: dict[str, object] = {
            "v": names.VERSION, "node": node, "version": "0.1.0", "arch": "aarch64",
            "python": "3.11", "can_update": True, "number": number, "stage": stage,
        }  # fmt: skip
        payload = update.encode_state(UpdateState(**(fields | more)))  # type: ignore[arg-type]
        self.desk.take(Heard(node, payload, self.keys[node].sign(payload)))

    def _publish(self, signed: SignedOrder) -> bool:
        if self.has_broker:
            self.sent.append(signed)
        return self.has_broker

    def begin(self, *stages: str, minutes: float = 10) -> None:
        self.control.begin("0.2.0", stages, self.deed(), healthy=timedelta(minutes=minutes))

    def turn(self) -> None:
        self.clock.advance(3)
        self.desk.turn()

    @property
    def state(self) -> tuple[str, int]:
        (found,) = self.archive.updates.rollouts(limit=1)
        return found.state, found.stage

    def ordered(self) -> list[str]:
        return [topic.split("/")[2] for topic in dict.fromkeys(each.topic for each in self.sent)]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path)
    yield made
    made.archive.close()


def test_orders_go_out_stage_by_stage_signed_and_numbered(hub: Hub) -> None:
    """Each for its node, with the release as its maker signed it."""
    hub.begin("node:gate-2", "all")
    hub.turn()
    assert hub.ordered() == ["gate-2"]
    (sent,) = hub.sent
    assert sent.topic == topics.update_order("gate-2")
    assert hub.key.public.verify(sent.payload, sent.signature)
    order = update.decode_order(sent.payload)
    assert (order.node, order.number, order.may_be_older) == ("gate-2", 1, False)
    assert order.manifest is not None and '"0.2.0"' in order.manifest
    hub.say("gate-2", "good", 1, version="0.2.0", wanted="0.2.0")
    hub.turn()
    assert hub.state == ("running", 0)
    hub.clock.advance(601)
    hub.turn()
    assert hub.state == ("running", 1)
    hub.turn()
    assert hub.ordered() == ["gate-2", "gate-1", "gate-3"]


def test_an_order_is_sent_again_until_its_node_speaks_of_it(hub: Hub) -> None:
    """The broker may have been away, or have forgotten what was retained."""
    hub.has_broker = False
    hub.begin("node:gate-2")
    hub.turn()
    assert hub.sent == []
    hub.has_broker = True
    hub.turn()
    hub.turn()
    assert len(hub.sent) == 1
    hub.clock.advance(61)
    hub.turn()
    assert len(hub.sent) == 2
    hub.say("gate-2", "downloading", 1)
    hub.clock.advance(61)
    hub.turn()
    hub.clock.advance(61)
    hub.turn()
    assert len(hub.sent) == 2


def test_a_node_that_takes_it_back_stops_the_rest(hub: Hub) -> None:
    """The reason stands in the trail; going on passes over that node."""
    hub.begin("node:gate-1", "all")
    hub.turn()
    hub.say("gate-1", "returned", 1, reason="no_hub", detail="nothing came through")
    hub.turn()
    assert hub.state == ("stopped", 0)
    hub.turn()
    assert hub.ordered() == ["gate-1"]
    (entry,) = hub.archive.audit.entries(AuditFilter(action="rollout.stopped"), limit=9)
    assert "nothing came through" in str(entry.deed.detail)
    hub.control.resume(hub.deed())
    hub.turn()
    hub.turn()
    assert hub.state == ("running", 1) or hub.ordered() == ["gate-1", "gate-2", "gate-3"]


def test_giving_up_calls_back_what_nobody_began(hub: Hub) -> None:
    """One that installs goes on; one that fetches, or has not been heard, is told to stay."""
    hub.begin("all")
    hub.turn()
    hub.say("gate-1", "installing", 1)
    hub.say("gate-2", "downloading", 1)
    hub.turn()
    hub.control.abort(hub.deed())
    hub.turn()
    orders = hub.archive.updates.orders()
    assert {node: orders[node].version for node in NODES} == {
        "gate-1": "0.2.0", "gate-2": None, "gate-3": None,
    }  # fmt: skip
    assert orders["gate-2"].number == 2
    assert update.decode_order(hub.sent[-1].payload).manifest is None


def test_pausing_orders_nothing_further(hub: Hub) -> None:
    """And going on takes it up."""
    hub.begin("node:gate-1", "all", minutes=0)
    hub.turn()
    hub.control.pause(hub.deed())
    hub.say("gate-1", "good", 1)
    for _ in range(3):
        hub.turn()
    assert hub.state == ("paused", 0)
    hub.control.resume(hub.deed())
    for _ in range(3):
        hub.turn()
    assert hub.ordered() == ["gate-1", "gate-2", "gate-3"]


def test_what_a_nodes_key_did_not_sign_is_ignored(hub: Hub) -> None:
    """Nor what speaks of another node; one whose key is not known yet is kept until it is."""
    hub.begin("node:gate-1", "all", minutes=0)
    hub.turn()
    payload = update.encode_state(
        UpdateState(1, "gate-1", "0.2.0", "aarch64", "3.11", True, 1, "good")
    )
    hub.desk.take(Heard("gate-1", payload, b"\0" * 64))
    hub.turn()
    hub.desk.take(Heard("gate-2", payload, hub.keys["gate-2"].sign(payload)))
    hub.turn()
    hub.desk.take(Heard("gate-1", b"{}", hub.keys["gate-1"].sign(b"{}")))
    hub.turn()
    assert hub.archive.updates.states()["gate-1"].said.stage == "idle"
    key = hub.keys.pop("gate-1")
    hub.desk.take(Heard("gate-1", payload, key.sign(payload)))
    hub.turn()
    hub.keys["gate-1"] = key
    hub.turn()
    assert hub.archive.updates.states()["gate-1"].said.stage == "good"


def test_one_roll_out_is_open_at_a_time(hub: Hub) -> None:
    """And one of a release that is not there is none."""
    hub.begin("all")
    with pytest.raises(RolloutError, match="another roll-out is open"):
        hub.begin("all")
    with pytest.raises(RolloutError, match="being rolled out"):
        hub.shelf.remove("0.2.0", hub.deed())
    hub.control.abort(hub.deed())
    with pytest.raises(RolloutError, match="no roll-out is open"):
        hub.control.pause(hub.deed())
    with pytest.raises(RolloutError, match=r"no release 9.9"):
        hub.control.begin("9.9", ["all"], hub.deed())


def test_nodes_that_cannot_take_it_are_in_no_stage(hub: Hub) -> None:
    """Of another architecture, or not installed for updates."""
    hub.say("gate-1", can_update=False)
    hub.say("gate-2", arch="x86_64")
    hub.turn()
    hub.begin("all")
    (found,) = hub.archive.updates.rollouts()
    assert found.nodes == ("gate-3",)


def test_a_release_is_taken_in_once_verified(hub: Hub) -> None:
    """By a known maker; the same again is harmless, another of that number is not taken."""
    file = hub.folder / "0.2.0.release"
    hub.shelf.add(file, hub.clock.utc(), hub.deed())
    with pytest.raises(RolloutError, match=r"another release 0.2.0"):
        hub.clock.advance(5)
        hub.folder.joinpath("0.2.0.tar").unlink()
        path = hub.folder / "other.tar"
        path.write_bytes(b"other")
        made = releases.sign(hub.maker, "0.2.0", {"aarch64": path})
        made.write(file)
        hub.shelf.add(file, hub.clock.utc(), hub.deed())
    with pytest.raises(RolloutError, match="signed by nobody that this hub knows"):
        hub.add("0.3.0", load_or_make(hub.folder / "stranger.key"))
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(RolloutError):
        hub.shelf.add(file, hub.clock.utc(), hub.deed())
    (kept,) = hub.archive.updates.releases()
    assert kept.version == "0.2.0"
    assert hub.shelf.path_of(kept.release.bundles[0].sha256).read_bytes() == b"0.2.0" * 100
    hub.shelf.remove("0.2.0", hub.deed())
    assert list((hub.folder / "releases").iterdir()) == []


def test_a_release_that_needs_a_newer_hub_is_not_taken(hub: Hub) -> None:
    """Its nodes would say what this hub does not understand."""
    path = hub.folder / "b.tar"
    path.write_bytes(b"x")
    made = releases.sign(hub.maker, "0.4.0", {"aarch64": path}, hub_from="9.0")
    with pytest.raises(RolloutError, match=r"needs a hub of 9.0"):
        hub.shelf.add(made.write(hub.folder / "x.release"), hub.clock.utc(), hub.deed())


def test_a_stage_of_a_state_keeps_its_time(hub: Hub) -> None:
    """Said again, it is not newer: else no stage would ever have been well for long enough."""
    hub.say("gate-1", "good", 1)
    hub.turn()
    first = hub.archive.updates.states()["gate-1"]
    hub.say("gate-1", "good", 1)
    hub.turn()
    again = hub.archive.updates.states()["gate-1"]
    assert again.since_utc == first.since_utc
    assert replace(again, said_utc=first.said_utc) == first


def test_numbers_go_on_where_nodes_know_more_than_the_archive(hub: Hub) -> None:
    """As after the archive was brought back from a backup: a lower number would do nothing."""
    hub.say("gate-1", "good", 41, version="0.1.0", wanted="0.1.0")
    hub.turn()
    hub.begin("node:gate-1")
    hub.turn()
    assert hub.archive.updates.orders()["gate-1"].number == 42


def test_a_node_at_the_end_of_numbers_fails_alone(hub: Hub) -> None:
    """Whoever has one node's key can have it say so; the other nodes are not his to hold up."""
    hub.say("gate-1", "good", update.MAX_NUMBER)
    hub.turn()
    hub.begin("node:gate-1", "all", minutes=0)
    hub.turn()
    (rollout,) = hub.archive.updates.rollouts()
    assert (rollout.state, hub.ordered()) == ("stopped", [])
    assert rollout.reason == f"gate-1 failed: {judge.AT_END}"
    hub.control.resume(hub.deed())
    for _ in range(3):
        hub.turn()
    assert hub.ordered() == ["gate-2", "gate-3"]
    hub.control.abort(hub.deed())
    hub.turn()
    assert hub.archive.updates.orders()["gate-2"].version is None


def test_a_node_that_leaps_to_the_end_of_numbers_is_not_waited_for(hub: Hub) -> None:
    """Nor called back: it was ordered, and no order reaches it any more."""
    hub.begin("all")
    hub.turn()
    hub.say("gate-1", "waiting", update.MAX_NUMBER)
    hub.turn()
    assert hub.state == ("stopped", 0)
    hub.control.abort(hub.deed())
    hub.turn()
    versions = {node: each.version for node, each in hub.archive.updates.orders().items()}
    assert versions == {"gate-1": "0.2.0", "gate-2": None, "gate-3": None}


def test_an_order_that_cannot_be_given_costs_no_other(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    """What one node said between the judge's look and the order is told, and it is left out."""
    hub.begin("all")
    (rollout,) = hub.archive.updates.rollouts()
    hub.say("gate-1", "good", update.MAX_NUMBER)
    hub.desk._write_heard()
    hub.desk._order(rollout, NODES)
    assert set(hub.archive.updates.orders()) == {"gate-2", "gate-3"}
    assert "gate-1 cannot be ordered anything" in caplog.text


def test_no_error_ends_the_turns(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its place, and the next turn comes."""

    def turn() -> None:
        raise ContractError("number", "too high")

    safely(turn)
    assert "too high" in caplog.text
    assert "Traceback" in caplog.text
