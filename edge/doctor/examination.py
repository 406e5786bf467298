"""All checks of a node in their order: the box first, then the way to the hub, then the cameras."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from edge import keys
from edge.base import lock
from edge.base.clock import Clock
from edge.base.errors import CamwatchError, ConfigError
from edge.base.findings import Finding, failed, is_good, of_error, passed, skipped, warned
from edge.base.units import format_count, format_duration
from edge.config.node import NodeSettings
from edge.config.secrets import read_hub_key, read_secret
from edge.doctor import broker, camera, machine, uploads, wear
from edge.doctor.account import Account
from edge.health.clocksync import ClockTrust
from edge.outbox import report
from edge.reach import server
from edge.reach.broker import Login
from edge.reach.server import Server
from edge.update import layout, pulse

JOURNAL_FILE = "journal.db"
KEY_FILE = "node.key"
LATE_S = 3600.0  # a record that waits so long shows that the hub is not reached


def examine(
    settings: NodeSettings,
    clock: Clock,
    *,
    seconds: float,
    account: Account,
    has_cameras: bool = True,
) -> Iterator[Finding]:
    """Look at everything, each camera for `seconds`. Raises nothing of its own."""
    folder = Path(settings.state_dir)
    is_running = lock.is_held(folder)
    yield machine.version()
    cameras = format_count(len(settings.cameras), "camera")
    yield passed("settings", f"node {settings.node}, {cameras}")
    yield (
        passed("agent", "it runs")
        if is_running
        else warned("agent", "it does not run", "systemctl status camwatch-edge tells why")
    )
    yield machine.clock(ClockTrust(clock).stamp())
    yield from _storage(settings, folder)
    yield machine.temperature()
    yield from machine.power()
    yield from _journal(settings, folder, clock)
    yield from _hub(settings, clock, account, is_agent_running=is_running)
    if not has_cameras:
        yield skipped("cameras", "left out, as asked")
        return
    for each in settings.cameras:
        yield from camera.examine(each, clock, seconds=seconds, is_agent_running=is_running)


def _storage(settings: NodeSettings, folder: Path) -> Iterator[Finding]:
    yield from machine.disk(folder, wanted_bytes=_unused(settings, folder))
    yield from wear.wear(folder)


def _unused(settings: NodeSettings, folder: Path) -> int:
    """How much more the settings let spool and journal take."""
    taken = 0
    for path in folder.rglob("*"):
        try:
            taken += path.stat().st_blocks * 512 if path.is_file() else 0
        except OSError:
            continue  # it went meanwhile
    wanted = settings.spool.max_bytes + settings.journal.max_bytes + settings.journal.ballast_bytes
    return max(0, wanted - taken)


def _journal(settings: NodeSettings, folder: Path, clock: Clock) -> Iterator[Finding]:
    if not (folder / JOURNAL_FILE).exists() or not (folder / KEY_FILE).exists():
        yield skipped("journal", "there is none yet: the agent makes it at its first start")
        return
    try:
        key = keys.load_or_make(folder / KEY_FILE).public
        found = report.report(
            folder / JOURNAL_FILE, node=settings.node, key=key, clock=clock, is_verifying=False
        )
    except CamwatchError as err:
        yield of_error("journal", err)
        return
    if found.damage:
        yield failed("journal", found.damage[0], "camwatch-edge journal --verify tells more")
    elif found.oldest_s is not None and found.oldest_s > LATE_S:
        waits = format_duration(found.oldest_s)
        waiting = format_count(found.records, "record")
        text = f"waiting for the hub: {waiting}, the oldest for {waits}"
        yield warned("journal", text, "the hub is not reached, or does not acknowledge: see below")
    else:
        written = format_count(found.last_seq, "record")
        text = f"{written} written, waiting for the hub: {found.records}"
        yield passed("journal", text)


def _hub(
    settings: NodeSettings, clock: Clock, account: Account, *, is_agent_running: bool
) -> Iterator[Finding]:
    """Each door of the hub, as far as it opens."""
    yield from _hub_key(Path(settings.hub.public_key_file))
    secret = None
    try:
        secret = read_secret(Path(settings.hub.secret_file), field="hub.secret_file")
    except ConfigError as err:
        yield of_error("hub.secret", err)
    mqtt = settings.hub.mqtt
    door = Server(
        "hub.broker", mqtt.host, mqtt.port, mqtt.ca_file is not None, mqtt.ca_file,
        "hub.mqtt.ca_file",
    )  # fmt: skip
    way = list(server.reach(door, clock.utc()))
    yield from way
    is_heard = is_agent_running and _is_heard(clock)
    # What the hub says of the account is asked first: it tells why the broker refuses it.
    http = list(_http(settings, secret, clock, account.refused_by_hub(is_known_to_broker=is_heard)))
    if is_heard:
        yield passed("hub.credential", f"the agent is connected as {settings.node}, and heard")
        yield skipped("hub.rights", "another session beside the agent's could end that one")
    elif secret is not None and is_good(way):
        is_known = any(each.check == uploads.CHECK and each.outcome == "pass" for each in http)
        login = Login(mqtt.host, mqtt.port, settings.node, secret, mqtt.ca_file)
        let_in = account.refused_by_broker(is_known_to_hub=is_known)
        yield from broker.ask(login, settings.node, let_in)
    yield from http


def _is_heard(clock: Clock) -> bool:
    """Whether an agent runs here whose words the hub acknowledges, by its own account."""
    found = pulse.read(layout.of_this_software().runtime, clock.mono_ns())
    return found is not None and found.is_heard


def _http(
    settings: NodeSettings, secret: str | None, clock: Clock, let_in: str
) -> Iterator[Finding]:
    hub = settings.hub
    url = urlsplit(hub.upload_url)
    is_tls = url.scheme == "https"
    port = url.port or (443 if is_tls else 80)
    ca_field = "hub.upload_ca_file"
    door = Server("hub.http", url.hostname or "", port, is_tls, hub.upload_ca_file, ca_field)
    way = list(server.reach(door, clock.utc()))
    yield from way
    if secret is not None and is_good(way):
        yield uploads.ask(
            hub.upload_url, user=settings.node, secret=secret, ca_file=hub.upload_ca_file,
            let_in=let_in,
        )  # fmt: skip


def _hub_key(path: Path) -> Iterator[Finding]:
    remedy = "copy what camwatch-hub key prints on the hub into it"
    try:
        key = read_hub_key(path)
    except ConfigError as err:
        yield failed("hub.key", str(err), remedy)
    else:
        text = f"the hub is known by the key {key.fingerprint}, as camwatch-hub doctor must show it"
        yield passed("hub.key", text)
