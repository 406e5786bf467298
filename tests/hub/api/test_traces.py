"""Traces over real HTTP, and what the hub keeps of them."""

from __future__ import annotations

import base64
import http.client
import os
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from edge.base.clock import SystemClock
from edge.trace import segment
from edge.trace.segment import MAX_SEGMENT_BYTES
from edge.uplink.spare import SpareUploads
from edge.uplink.tus import TusClient
from hub.registry import accounts
from hub.traces import TraceRefusedError, TraceStore
from tests.edge.trace import made
from tests.harness.credentials import Authority
from tests.hub.site import Site

NODE = "gate-3"
NAME = "00000001-aaaaaaaa.trace"
SEGMENT = segment.encode(made.head(node=NODE), made.crossing(1.0))


@pytest.fixture
def site(tmp_path: Path, authority: Authority) -> Iterator[Site]:
    """A hub's HTTP server with its archive."""
    made_site = Site(tmp_path, authority)
    yield made_site
    made_site.close()


def put(site: Site, path: str, body: bytes, secret: str) -> int:
    """The status of one request."""
    context = ssl.create_default_context(cafile=site.ca_file)
    where = urlsplit(site.url)
    connection = http.client.HTTPSConnection(
        where.hostname or "", where.port, timeout=30, context=context
    )
    account = base64.b64encode(f"{NODE}:{secret}".encode()).decode()
    try:
        connection.request("PUT", path, body, {"Authorization": f"Basic {account}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status  # 413 and 422 are told after the body
    finally:
        connection.close()


def kept(site: Site) -> list[str]:
    """What lies in the hub's folder."""
    folder = site.folder / "traces"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_node_hands_over_its_traces_and_nobody_elses(site: Site) -> None:
    """By its own name and secret; again is no harm; what is no trace of it is refused."""
    secret = accounts.add(site.archive, NODE, "node", SystemClock())
    assert put(site, f"/traces/gate/{NAME}", SEGMENT, "wrong") == 401
    assert put(site, f"/traces/gate/{NAME}", SEGMENT, secret) == 201
    assert put(site, f"/traces/gate/{NAME}", SEGMENT, secret) == 200
    foreign = segment.encode(made.head(node="yard-1"), made.crossing(1.0))
    assert put(site, "/traces/gate/00000002-aaaaaaaa.trace", foreign, secret) == 422
    assert put(site, "/traces/yard/00000002-aaaaaaaa.trace", SEGMENT, secret) == 422
    assert put(site, "/traces/gate/..%2f..%2fx.trace", SEGMENT, secret) in (404, 422)
    assert put(site, "/traces/gate/00000003-aaaaaaaa.trace", os.urandom(5000), secret) == 422
    large = bytes(MAX_SEGMENT_BYTES + 1)
    assert put(site, "/traces/gate/00000004-aaaaaaaa.trace", large, secret) == 413
    assert kept(site) == [f"{NODE}/gate/{NAME}"]


class Waiting:
    """Files of a node that wait for its hub."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
        self.gone: list[str] = []

    def unsent(self) -> list[Waiting.File]:
        return [Waiting.File(path) for path in self.files if path.name not in self.gone]

    def sent(self, file: Waiting.File) -> None:
        self.gone.append(file.path.name)

    class File:
        """One of them."""

        def __init__(self, path: Path) -> None:
            self.path = path
            self.remote_path = f"traces/gate/{path.name}"


def test_the_node_sends_within_its_budget_and_gives_up_what_is_refused(
    site: Site, tmp_path: Path
) -> None:
    """Two fit into the day, of which one is damaged beyond use; the third waits."""
    secret = accounts.add(site.archive, NODE, "node", SystemClock())
    files = []
    for number, body in enumerate((bytes(len(SEGMENT)), SEGMENT, SEGMENT), 1):
        files.append(tmp_path / f"{number:08}-aaaaaaaa.trace")
        files[-1].write_bytes(body)
    waiting = Waiting(files)
    client = TusClient(site.url, user=NODE, secret=secret, ca_file=str(site.ca_file))
    spare = SpareUploads(client, waiting, clock=SystemClock(), bytes_a_day=2 * len(SEGMENT) + 10)
    with client:
        assert [spare.run_once() for _ in range(4)] == [True, True, False, False]
    assert waiting.gone == [files[0].name, files[1].name]
    assert kept(site) == [f"{NODE}/gate/{files[1].name}"]


def test_the_oldest_traces_of_a_camera_give_way(tmp_path: Path) -> None:
    """Each camera has its own room; a busy one does not push out a quiet one."""
    store = TraceStore(tmp_path, camera_bytes=2 * len(SEGMENT), keep_s=3600)
    quiet = segment.encode(made.head(node=NODE, camera="yard"), made.crossing(1.0))
    store.put(NODE, "yard", NAME, quiet)
    for number in range(1, 5):
        store.put(NODE, "gate", f"{number:08}-aaaaaaaa.trace", SEGMENT)
        path = tmp_path / NODE / "gate" / f"{number:08}-aaaaaaaa.trace"
        os.utime(path, (path.stat().st_mtime - 100 + number,) * 2)
    names = [path.name[:8] for path in store.paths(NODE)]
    assert names == ["00000003", "00000004", "00000001"]


def test_old_traces_go(tmp_path: Path) -> None:
    """After as long as the settings say; the newest stays."""
    now_s = time.time()
    store = TraceStore(tmp_path, camera_bytes=2**20, keep_s=3600, now_s=lambda: now_s)
    store.put(NODE, "gate", NAME, SEGMENT)
    os.utime(tmp_path / NODE / "gate" / NAME, (now_s - 4000,) * 2)
    store.put(NODE, "gate", "00000002-aaaaaaaa.trace", SEGMENT)
    assert [path.name[:8] for path in store.paths()] == ["00000002"]


def test_a_chunk_of_another_camera_among_its_own_is_refused(tmp_path: Path) -> None:
    """One node cannot put words into another's mouth."""
    store = TraceStore(tmp_path, camera_bytes=2**20, keep_s=3600)
    mixed = SEGMENT + segment.encode(made.head(node=NODE, camera="yard"), made.still(1.0, 1.0))
    with pytest.raises(TraceRefusedError, match="gate-3/yard"):
        store.put(NODE, "gate", NAME, mixed)
