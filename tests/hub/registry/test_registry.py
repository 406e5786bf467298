"""Accounts, the broker's files, and pinned keys."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.contract import topics
from hub.archive import SqliteArchive
from hub.registry import accounts, broker_files
from hub.registry.accounts import AccountError
from hub.registry.passwd import mqtt_hash
from hub.registry.pins import KeyRing
from tests.harness.broker import find_mosquitto, free_port
from tests.harness.child import Child, HarnessError
from tests.harness.link import Account, BrokerAddress, Link
from tests.hub.journals import Journal

CONFIG = Path(__file__).parents[3] / "config" / "mosquitto"
CLOCK = FakeClock()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SqliteArchive]:
    """An empty archive."""
    made = SqliteArchive(tmp_path / "archive.sqlite")
    yield made
    made.close()


def test_a_secret_is_given_once_and_only_its_hashes_are_kept(
    archive: SqliteArchive, tmp_path: Path
) -> None:
    """256 bits, different each time, and nowhere on disk."""
    one = accounts.add(archive, "gate-1", "node", CLOCK)
    two = accounts.add(archive, "gate-2", "node", CLOCK)
    assert one != two
    assert len(one) == 43
    broker_files.write(tmp_path / "b", archive.credentials(), hub_user="_hub", hub_secret="x" * 43)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert one.encode() not in path.read_bytes(), path


def test_only_the_nodes_own_secret_is_its_secret(archive: SqliteArchive) -> None:
    """Others' secrets, a reader's, and none do not count."""
    one = accounts.add(archive, "gate-1", "node", CLOCK)
    home = accounts.add(archive, "home", "reader", CLOCK)
    assert accounts.is_node_secret(archive, "gate-1", one)
    for name, secret in (
        ("gate-1", home),
        ("home", home),
        ("gate-2", one),
        ("gate-1", ""),
        ("", ""),
    ):
        assert not accounts.is_node_secret(archive, name, secret)


def test_replacing_makes_the_old_secret_worthless(archive: SqliteArchive) -> None:
    """And is asked for explicitly; a role cannot be changed in passing."""
    old = accounts.add(archive, "gate-1", "node", CLOCK)
    with pytest.raises(AccountError, match="has an account already"):
        accounts.add(archive, "gate-1", "node", CLOCK)
    with pytest.raises(AccountError, match="is a node, not a reader"):
        accounts.add(archive, "gate-1", "reader", CLOCK, is_replacing=True)
    with pytest.raises(AccountError, match="no account gate-9"):
        accounts.add(archive, "gate-9", "node", CLOCK, is_replacing=True)
    new = accounts.add(archive, "gate-1", "node", CLOCK, is_replacing=True)
    assert accounts.is_node_secret(archive, "gate-1", new)
    assert not accounts.is_node_secret(archive, "gate-1", old)


@pytest.mark.parametrize("name", ["", "+", "#", "a/b", "Gate", "_hub", "a\nuser x", "a" * 33, "đ"])
def test_a_name_that_could_reach_other_topics_is_refused(archive: SqliteArchive, name: str) -> None:
    """Wildcards, separators and line ends never get into the broker's files."""
    with pytest.raises(AccountError, match="cannot be a name"):
        accounts.add(archive, name, "node", CLOCK)


def test_the_files_change_only_with_the_accounts(archive: SqliteArchive, tmp_path: Path) -> None:
    """So that a restart of the hub does not ask for a reload of the broker."""
    folder = tmp_path / "broker"

    def write() -> bool:
        return broker_files.write(
            folder, archive.credentials(), hub_user="_hub", hub_secret="secret"
        )

    assert write()
    assert not write()
    accounts.add(archive, "gate-1", "node", CLOCK)
    assert write()
    assert not write()
    assert stat.S_IMODE((folder / "passwd").stat().st_mode) == 0o640


def test_the_hub_may_write_the_status_of_a_node_that_is_out_and_of_no_other(
    archive: SqliteArchive,
) -> None:
    """To take back what stands there; a node that is in again speaks for itself."""
    accounts.add(archive, "gate-1", "node", CLOCK)
    mine = f"topic write {topics.status('gate-1')}"

    def of_hub(*shut_out: str) -> list[str]:
        text = broker_files.acl_text(archive.credentials(), shut_out, hub_user="_hub")
        return text.partition("user gate-1")[0].splitlines()

    assert mine not in of_hub()
    assert mine not in of_hub("gate-1")
    theirs = [line for line in of_hub("gate-2") if "gate-2" in line]
    assert theirs == [f"topic write {topics.status('gate-2')}"]


def test_the_hubs_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """Readable by the hub's user only."""
    path = tmp_path / "broker" / "hub.secret"
    secret = broker_files.read_or_make_secret(path)
    assert broker_files.read_or_make_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_first_key_is_pinned_and_another_is_not(archive: SqliteArchive) -> None:
    """Only for a node with an account; also over a restart of the hub."""
    ring = KeyRing(archive, CLOCK)
    key, other = Journal("gate-1").key.public, Journal("gate-2").key.public
    assert ring.show("gate-1", key.text) == "no_account"
    accounts.add(archive, "gate-1", "node", CLOCK)
    assert ring.show("gate-1", "A" * 43 + "!") == "no_key"
    assert ring.get("gate-1") is None
    assert ring.show("gate-1", key.text) == "pinned"
    assert ring.show("gate-1", other.text) == "other_key"
    again = KeyRing(archive, CLOCK)
    pinned = again.get("gate-1")
    assert pinned is not None and pinned.raw == key.raw
    accounts.add(archive, "gate-1", "node", CLOCK, is_replacing=True)
    assert again.show("gate-1", other.text) == "pinned"


@pytest.mark.system
def test_a_real_broker_reads_the_example_settings_and_the_hubs_files(
    archive: SqliteArchive, tmp_path: Path
) -> None:
    """The example starts with nothing changed but its paths and ports, lets accounts in, and no
    account can take over another's session by its client identifier."""
    try:
        mosquitto = find_mosquitto()
    except HarnessError as err:
        pytest.skip(str(err))
    secrets = {name: accounts.add(archive, name, "node", CLOCK) for name in ("one", "two")}
    folder = tmp_path / "broker"
    broker_files.write(folder, archive.credentials(), hub_user="_hub", hub_secret="hub-secret")
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(_example(folder, port), encoding="utf-8")
    address = BrokerAddress("127.0.0.1", port)
    with Child("mosquitto", [mosquitto, "-c", str(config)], tmp_path) as child:
        child.start()
        child.wait_until(lambda: _can_log_in(address, Account("_hub", "hub-secret")), 20)
        assert not _can_log_in(address, Account("_hub", "wrong"))
        assert not _can_log_in(address, Account("", ""))
        with Link(address, Account("one", secrets["one"])) as first:
            assert _can_log_in(address, Account("two", secrets["two"], client_id="one"))
            assert first.is_open
            assert first.publish("camwatch/1/one/record", b"x") != "Not authorized"


def _can_log_in(address: BrokerAddress, account: Account) -> bool:
    try:
        Link(address, account).close()
    except HarnessError:
        return False
    return True


def _example(folder: Path, port: int) -> str:
    """The example with our paths and port: the nodes' listener without its certificates, and none
    for the hub."""
    text = (CONFIG / "mosquitto.example.conf").read_text(encoding="utf-8")
    left_out = ("certfile ", "keyfile ", "tls_version ", "listener 1883 ")
    lines = [line for line in text.splitlines() if not line.startswith(left_out)]
    assert len(text.splitlines()) - len(lines) == len(left_out)
    text = "\n".join(lines).replace("listener 8883", f"listener {port} 127.0.0.1") + "\n"
    text = text.replace("/var/lib/camwatch-hub/broker", str(folder))
    # Started by root, Mosquitto would give its rights up and then not read this test's files.
    return text + "user root\n"


def test_hashes_have_the_form_of_mosquittos_own_tool(tmp_path: Path) -> None:
    """Type, iterations, and the lengths of salt and hash."""
    path = tmp_path / "passwd"
    path.touch()
    try:
        subprocess.run(["mosquitto_passwd", "-b", str(path), "gate-1", "secret"], check=True)
    except FileNotFoundError:
        pytest.skip("no mosquitto_passwd here: apt-get install mosquitto")
    theirs = path.read_text().strip().partition(":")[2].split("$")
    ours = mqtt_hash("gate-1", "secret").split("$")
    assert [len(part) for part in ours] == [len(part) for part in theirs]
    assert ours[:3] == theirs[:3]
