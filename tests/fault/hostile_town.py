"""A hub with an honest and a hostile scripted node, and what its files say afterwards."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fault.archive_files import read_hub
from tests.fault.record_rules import check_chains
from tests.fault.verdict import Verdict
from tests.harness.link import Account
from tests.harness.processes import Enrolment
from tests.harness.publisher import Publisher, SignedRecord
from tests.system import stage
from tests.system.stage import Stage

HONEST, HOSTILE = "gate-1", "gate-666"
ACK_S = 90.0
Key = tuple[str, str, int, str]  # node, epoch, seq, hash of the payload


@dataclass
class HostileTown:
    """The hub runs; both nodes have an account and are connected."""

    town: Stage
    honest: Publisher
    hostile: Publisher
    enrolments: dict[str, Enrolment]

    def archived(self, node: str = HONEST) -> list[Key]:
        """Every row of that node, its hash made anew from the payload, with sqlite3 alone."""
        return [
            (node, str(each.row["epoch"]), int(each.row["seq"]), each.hash)
            for each in read_hub(self.town.hub.state_dir).records
            if each.body["node"] == node
        ]

    def signed(self, publisher: Publisher) -> list[Key]:
        """What that scripted node made, in order."""
        return [
            (publisher.node, publisher.epoch, made.seq, made.digest) for made in publisher.records
        ]

    def expect_only(self, publisher: Publisher) -> None:
        """The archive holds what that node made, each record once, and nothing else of it."""
        assert sorted(self.archived(publisher.node)) == sorted(self.signed(publisher))
        verdict = Verdict()
        check_chains(verdict, read_hub(self.town.hub.state_dir))
        assert verdict.is_good, verdict

    def counts(self, node: str = HOSTILE) -> Counter[str]:
        """What the hub counted of that node."""
        path = self.town.hub.state_dir / "archive.sqlite"
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT counter, count FROM counters WHERE node = ?", (node,))
            return Counter(dict(rows.fetchall()))

    def wait_for_count(self, counter: str, least: int, node: str = HOSTILE) -> None:
        """Until the hub has counted so many."""
        stage.wait(
            lambda: self.counts(node)[counter] >= least, ACK_S,
            f"{least} x {counter}; there is {dict(self.counts(node))}",
        )  # fmt: skip

    def send_all(self, publisher: Publisher, records: list[SignedRecord]) -> None:
        """Send in this order, and wait until the newest seq is acknowledged."""
        for made in records:
            publisher.send(made)
        publisher.wait_for_ack(max(records, key=lambda each: each.seq), ACK_S)


@contextlib.contextmanager
def hostile_town(folder: Path) -> Iterator[HostileTown]:
    """Broker, hub and two scripted nodes; everything ends with it."""
    with stage.stage(folder) as town, contextlib.ExitStack() as stack:
        enrolments = {name: town.enrol(name) for name in (HONEST, HOSTILE)}
        town.hub.start_ready()
        nodes = {}
        for name, enrolment in enrolments.items():
            account = Account(name, enrolment.secret)
            nodes[name] = Publisher(name, town.broker.address, account, hub_key=enrolment.hub_key)
            stack.callback(nodes[name].close)
            nodes[name].connect()
            nodes[name].send(nodes[name].make_booted())
            nodes[name].wait_for_ack(nodes[name].records[-1], ACK_S)
        yield HostileTown(town, nodes[HONEST], nodes[HOSTILE], enrolments)
