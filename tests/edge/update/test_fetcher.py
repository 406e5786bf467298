"""The agent's part: what it fetches, what it refuses to fetch, and what it tells the hub."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.base.errors import CamwatchError, StorageError
from edge.contract import update
from edge.contract.update import UpdateState
from edge.keys import load_or_make
from edge.update import download, fetcher, inbox, progress
from edge.update.download import DownloadError, Downloads
from edge.update.fetcher import Fetcher
from edge.update.inbox import SignedOrder
from edge.update.progress import Progress
from tests.edge.update.rig import FIRST, NODE, Rig
from tests.harness import releases
from tests.harness.releases import ARCH, Made

NEW = "0.2.0"
SECRET = "s" * 43


class RangeServer:
    """A web server with one file, whose line can be cut after so many bytes."""

    def __init__(self) -> None:
        self.data = b""
        self.cut_after: int | None = None
        self.asked: list[str] = []
        self.logins: set[str] = set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        self.logins.add(request.headers.get("Authorization", ""))
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        if found is None or not self.data:
            request.send_error(404)
            return
        first, last = int(found[1]), int(found[2])
        body = self.data[first : last + 1]
        request.send_response(206)
        request.send_header("Content-Range", f"bytes {first}-{last}/{len(self.data)}")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body if self.cut_after is None else body[: self.cut_after])
        request.close_connection = True

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[RangeServer]:
    made = RangeServer()
    yield made
    made.close()


class Party:
    """A fetcher on an installed node, and what it told."""

    def __init__(self, rig: Rig, server: RangeServer) -> None:
        self.rig = rig
        self.server = server
        self.key = load_or_make(rig.folder / "node.key")
        self.told: list[UpdateState] = []
        self.is_busy = False
        self.fetcher = self.make()

    def make(self, version: str = FIRST) -> Fetcher:
        return Fetcher(
            node=NODE, version=version, key=self.key, hub_key=self.rig.hub.public,
            layout=self.rig.layout, folder=self.rig.inbox.folder,
            downloads=Downloads(self.server.url, user=NODE, secret=SECRET, ca_file=None),
            clock=FakeClock(), publish=self._heard, has_to_wait=lambda: self.is_busy,
        )  # fmt: skip

    def _heard(self, payload: bytes, signature: bytes) -> None:
        assert self.key.public.verify(payload, signature)
        self.told.append(update.decode_state(payload))

    def order(self, made: Made | None, number: int = 1, **more: object) -> SignedOrder:
        if made is not None:
            (path,) = made.bundles.values()
            self.server.data = path.read_bytes()
        signed = self.rig.order(made, number, **more)
        self.fetcher.take(signed.payload, signed.signature)
        return signed

    def turn(self, times: int = 1) -> UpdateState:
        for _ in range(times):
            self.fetcher.run_once(0.0)
        return self.told[-1]


@pytest.fixture
def party(tmp_path: Path, server: RangeServer, monkeypatch: pytest.MonkeyPatch) -> Party:
    monkeypatch.setattr(fetcher, "ROOM_SPARE_BYTES", 0)
    return Party(Rig(tmp_path), server)


def test_a_bundle_is_fetched_in_ranges_and_handed_over(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the node's own name and secret; the hub is told of each step."""
    monkeypatch.setattr(download, "RANGE_BYTES", 400)
    made = party.rig.release(NEW)
    signed = party.order(made)
    assert party.turn(5).stage == "installing"
    assert party.rig.inbox.is_ready()
    assert (party.rig.inbox.folder / inbox.BUNDLE).read_bytes() == b"x" * 1000
    assert party.rig.inbox.order() == signed
    assert set(party.server.asked) == {f"/releases/{made.release.bundles[0].sha256}"}
    assert len(party.server.asked) == 3
    assert len(party.server.logins) == 1
    done = [each.done_bytes for each in party.told if each.stage == "downloading"]
    assert done == [0, 400, 800, 1000]
    assert (party.told[0].version, party.told[0].arch, party.told[0].can_update) == (
        FIRST, ARCH, True,
    )  # fmt: skip


def test_a_broken_line_costs_only_what_was_on_its_way(party: Party) -> None:
    """Also over a restart of the agent: the next one asks from where the last one stood."""
    party.order(party.rig.release(NEW))
    party.server.cut_after = 300
    with pytest.raises(DownloadError):
        party.turn()
    assert (party.told[-1].stage, party.told[-1].reason) == ("waiting", "hub")
    assert (party.rig.inbox.folder / inbox.PART).stat().st_size == 300
    party.server.cut_after = None
    party.fetcher = party.make()
    assert party.turn(2).stage == "installing"
    assert (party.rig.inbox.folder / inbox.BUNDLE).read_bytes() == b"x" * 1000


def test_a_bundle_that_came_damaged_is_fetched_anew(party: Party) -> None:
    """By its hash, before the installer is troubled."""
    party.order(party.rig.release(NEW))
    party.server.data = b"x" * 999 + b"y"
    with pytest.raises(StorageError, match="came damaged"):
        party.turn(2)
    party.server.data = b"x" * 1000
    assert party.turn(2).stage == "installing"


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"version": "0.0.9"}, "older"), ({"node_from": "0.1.5"}, "from")],
)
def test_what_is_not_for_this_node_is_not_even_fetched(
    party: Party, more: dict[str, str], reason: str
) -> None:
    """And the hub is told why."""
    made = party.rig.release(more.pop("version", NEW), **more)
    party.order(made)
    assert (party.turn().stage, party.turn().reason) == ("refused", reason)
    assert party.server.asked == []


def test_a_release_of_a_stranger_is_refused_by_name(party: Party) -> None:
    """The hub may pass on what it does not look at."""
    made = party.rig.release(NEW)
    stranger = load_or_make(party.rig.folder / "stranger.key")
    party.order(releases.sign(stranger, NEW, {ARCH: party.rig.folder / f"{NEW}.tar"}))
    assert (party.turn().stage, party.turn().reason) == ("refused", "signature")
    party.order(made, 2)
    assert party.turn(2).stage == "installing", "the next order is another matter"


def test_what_the_hub_did_not_sign_changes_nothing(party: Party) -> None:
    """Nor what it signed for another node, nor an order of before."""
    party.order(party.rig.release(NEW), 5)
    assert party.turn().number == 5
    signed = party.rig.order(None, 6)
    party.fetcher.take(signed.payload, b"\0" * 64)
    other = party.rig.order(None, 7, node="gate-4")
    party.fetcher.take(other.payload, other.signature)
    old = party.rig.order(None, 4)
    party.fetcher.take(old.payload, old.signature)
    party.fetcher.take(b"{}", party.rig.hub.sign(b"{}"))
    assert party.turn(5).number == 5


def test_an_order_that_is_called_back_leaves_nothing(party: Party) -> None:
    """What was fetched for it goes."""
    party.order(party.rig.release(NEW), 1)
    party.turn(2)
    assert party.rig.inbox.is_ready()
    party.order(None, 2)
    assert party.turn().stage == "idle"
    assert not party.rig.inbox.is_ready()
    assert not (party.rig.inbox.folder / inbox.BUNDLE).exists()


def test_records_and_clips_go_first(party: Party) -> None:
    """The line is theirs."""
    party.is_busy = True
    party.order(party.rig.release(NEW))
    assert (party.turn().stage, party.turn().reason) == ("waiting", "line")
    assert party.server.asked == []
    party.is_busy = False
    assert party.turn(2).stage == "installing"


def test_a_disk_without_room_is_left_alone(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips and the journal keep theirs."""
    monkeypatch.setattr(fetcher, "ROOM_SPARE_BYTES", 2**60)
    party.order(party.rig.release(NEW))
    assert (party.turn().stage, party.turn().reason) == ("waiting", "room")
    assert party.server.asked == []


def test_what_the_installer_says_is_told(party: Party) -> None:
    """Until the next order; and what was fetched is cleared away."""
    party.order(party.rig.release(NEW), 3)
    party.turn(2)
    party.rig.inbox.folder.joinpath(inbox.READY).unlink()
    progress.save(
        party.rig.layout.state,
        Progress(number=3, stage="returned", wanted=NEW, reason="no_hub", detail="..."),
    )
    told = party.turn()
    assert (told.stage, told.number, told.reason) == ("returned", 3, "no_hub")
    assert not (party.rig.inbox.folder / inbox.BUNDLE).exists()
    party.order(party.rig.release(NEW), 4)
    assert party.turn(2).stage == "installing"


def test_a_version_that_runs_already_is_good(party: Party) -> None:
    """A roll-out may reach a node that was updated by hand."""
    party.fetcher = party.make(NEW)
    party.order(party.rig.release(NEW))
    assert (party.turn().stage, party.turn().version) == ("good", NEW)


def test_a_node_that_is_not_installed_for_it_says_so(party: Party) -> None:
    """Such as one that runs from a checkout."""
    (party.rig.software / "proven").unlink()
    party.order(party.rig.release(NEW))
    told = party.turn()
    assert (told.stage, told.reason, told.can_update) == ("refused", "not_installed", False)


def test_a_kept_order_that_was_damaged_is_as_if_none_came(party: Party) -> None:
    """The hub's is retained, and comes again with the next connection."""
    signed = party.order(party.rig.release(NEW))
    party.turn()
    (party.rig.inbox.folder / inbox.ORDER).write_bytes(b"{")
    party.fetcher = party.make()
    assert party.turn().number == 0
    party.fetcher.take(signed.payload, signed.signature)
    assert party.turn(2).stage == "installing"


def test_a_hub_that_does_not_give_it_is_asked_again(party: Party) -> None:
    """With a pause that grows; the error says what the hub said."""
    party.order(party.rig.release(NEW))
    party.server.data = b""
    with pytest.raises(CamwatchError, match="404"):
        party.turn()
    assert (party.told[-1].stage, party.told[-1].reason) == ("waiting", "hub")


def test_what_the_installer_will_not_take_up_is_not_handed_over_for_ever(party: Party) -> None:
    """Such as an order that it finds unsigned, which it cannot name by its number."""
    party.order(party.rig.release(NEW))
    party.turn(2)
    for _ in range(5):
        (party.rig.inbox.folder / inbox.READY).unlink(missing_ok=True)
        party.turn()
    assert (party.told[-1].stage, party.told[-1].reason) == ("failed", "bundle")
    assert not party.rig.inbox.is_ready()


@pytest.mark.parametrize("case", ["fetched in part", "handed over", "handed over, order lost"])
def test_a_newer_order_is_not_answered_with_the_bundle_of_before(party: Party, case: str) -> None:
    """It would fail at the installer, under the newer order's number."""
    party.order(party.rig.release(NEW), 1)
    if case == "fetched in part":
        party.server.cut_after = 300
        with pytest.raises(DownloadError):
            party.turn()
        party.server.cut_after = None
    else:
        party.turn(2)
        assert party.rig.inbox.is_ready()
    if case == "handed over, order lost":
        (party.rig.inbox.folder / inbox.ORDER).unlink()
    party.order(party.rig.release_of("0.3.0", b"z" * 900), 2)
    party.turn(2)
    assert (party.told[-1].stage, party.told[-1].number) == ("installing", 2)
    assert (party.rig.inbox.folder / inbox.BUNDLE).read_bytes() == b"z" * 900


def test_the_same_release_under_a_newer_order_is_not_fetched_twice(party: Party) -> None:
    """Such as after a roll-out was given up and begun anew."""
    made = party.rig.release(NEW)
    party.order(made, 1)
    party.turn(2)
    asked = len(party.server.asked)
    party.order(made, 2)
    assert (party.turn().stage, party.turn().number) == ("installing", 2)
    assert party.rig.inbox.is_ready()
    assert len(party.server.asked) == asked


def test_a_node_that_is_a_hub_too_says_that_it_cannot_update_itself(party: Party) -> None:
    """So that no roll-out to all, or to a part by chance, stops at it."""
    party.rig.be_hub()
    assert party.turn().can_update is False
    party.order(party.rig.release(NEW))
    told = party.turn()
    assert (told.stage, told.reason) == ("refused", "not_installed")
    assert told.detail is not None and "hub too" in told.detail
    assert party.server.asked == []
