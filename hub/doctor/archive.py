"""The archive: is it there, has its disk room, is its audit trail whole, who may log in, and what
have the nodes last been heard of?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from edge.base.errors import CamwatchError, StorageError
from edge.base.findings import Finding, failed, of_error, passed, skipped, warned
from edge.base.units import format_count, format_duration, format_size
from edge.contract import health
from edge.contract.errors import ContractError
from hub.archive import Archive, audit, audit_head
from hub.archive.audit import AuditRow, AuditTrail
from hub.archive.enrolments import Standing
from hub.archive.folder import Guard
from hub.archive.node_values import NodeState
from hub.config import HubSettings
from hub.registry.broker_files import outdated

ROWS = 1000  # read at a time
SHOWN = 3  # of a list of faults
SILENT = timedelta(minutes=10)  # a node that is online says how it is every 30 s
LATE_S = 3600.0
LOW_ROOM = 4  # times what must stay free


def room(settings: HubSettings) -> Iterator[Finding]:
    """Whether the archive's disk takes clips, and for how much longer. The archive was opened."""
    folder = settings.archive_folder
    try:
        Guard(folder, settings.keep_free).check_media()
        free_bytes = Guard(folder, 0).free_bytes()
    except StorageError as err:
        yield of_error("archive.room", err)
        return
    text = f"{format_size(free_bytes)} free at {folder}"
    if free_bytes < LOW_ROOM * settings.keep_free:
        kept = format_size(settings.keep_free)
        text = f"{text}, of which {kept} must stay (setting keep_free)"
        yield warned("archive.room", text, "make room on that disk, or use a larger one")
    else:
        yield passed("archive.room", text)


def broker_files(archive: Archive, settings: HubSettings) -> Finding:
    """Whether the broker's password and ACL files are those of the accounts."""
    check = "broker.files"
    try:
        secret = settings.secret_path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as err:
        text = f"the hub's own password cannot be read: {err}"
        return failed(check, text, "run this as the hub's user; the hub makes it at its start")
    try:
        found = outdated(
            settings.broker_path, archive.credentials(), hub_user=settings.mqtt.user,
            hub_secret=secret, shut_out=archive.enrolments.shut_out(),
        )  # fmt: skip
    except StorageError as err:
        return of_error(check, err)
    if found:
        text = f"{' and '.join(found)} in {settings.broker_path}: not as the accounts are"
        return failed(check, text, "start the hub anew, which writes them, and reload the broker")
    return passed(check, f"passwd and acl in {settings.broker_path} are as the accounts are")


def trail(archive: Archive, settings: HubSettings) -> Finding:
    """Whether the audit trail is whole, and holds what the hub remembers of it."""
    check = "audit"
    try:
        known = audit_head.read(settings.state_path)
        report = audit.check(_rows(archive.audit), [] if known is None else [known])
    except CamwatchError as err:
        return of_error(check, err)
    if report.faults:
        text = f"{format_count(len(report.faults), 'fault')}: {'; '.join(report.faults[:SHOWN])}"
        return failed(check, text, "camwatch-hub audit --verify shows all; somebody changed it")
    return passed(check, f"the audit trail is whole, {format_count(report.head.seq, 'entry')}")


def people(archive: Archive) -> Finding:
    """Whether anybody may log in who may do everything."""
    rulers = [user.name for user in archive.people.users() if user.rules_all]
    if not rulers:
        text = "there is no administrator who can log in"
        return warned("people", text, "camwatch-hub user first")
    return passed("people", f"{format_count(len(rulers), 'administrator')} can log in")


def nodes(archive: Archive, now: datetime) -> Iterator[Finding]:
    """Each node: was it ever seen, does it speak, what waits there. One that was shut out is not
    asked about, and one that is awaited is no fault."""
    standings = archive.enrolments.standings(now)
    found = [(node, standings.get(node.name, Standing())) for node in archive.nodes()]
    if not found:
        yield warned("nodes", "there is no node yet", "camwatch-hub node add NAME")
    asked = [each for each in found if not _is_out(each[1])]
    if found and not asked:
        yield passed("nodes", "every node was shut out")
    for node, standing in asked:
        yield _node(node, standing, now)


def _is_out(standing: Standing) -> bool:
    """Whether it was revoked, and nobody asked it back since."""
    is_wanted = standing.awaited_until_utc or standing.expired_utc or standing.has_account
    return standing.revoked_utc is not None and not is_wanted


def _node(node: NodeState, standing: Standing, now: datetime) -> Finding:
    check = f"node.{node.name}"
    if not standing.has_account and standing.awaited_until_utc is not None:
        left = format_duration((standing.awaited_until_utc - now).total_seconds())
        return passed(check, f"it is awaited: its node file can be used for {left} more")
    if not standing.has_account and standing.expired_utc is not None:
        ago = format_duration((now - standing.expired_utc).total_seconds())
        text = f"no box came with its node file, which ended {ago} ago"
        return warned(check, text, f"camwatch-hub node replace {node.name} makes a new one")
    doctor = "run camwatch-edge doctor on it"
    if node.state == "never seen":
        return warned(check, "it never came", f"is it set up and on? {doctor}")
    if node.state == "offline":
        return failed(check, f"it is offline{_since(node, now)}", f"has it power? {doctor}")
    if node.health_utc is None or now - node.health_utc > SILENT:
        text = f"it is online{_since(node, now)}, but does not say how it is"
        return warned(check, text, doctor)
    try:
        report = None if node.health is None else health.decode(node.health)
    except ContractError as err:
        return warned(check, f"what it says of itself cannot be read: {err}", "update the hub")
    problems = [] if report is None else list(report.problems)
    if report is not None and report.outbox.oldest_s > LATE_S:
        waits = format_duration(report.outbox.oldest_s)
        waiting = format_count(report.outbox.records, "record")
        problems.append(f"waiting there: {waiting}, the oldest for {waits}")
    if node.missing_records:
        problems.append(f"missing: {format_count(node.missing_records, 'record')}")
    if problems:
        return warned(check, "; ".join(problems[:SHOWN]), "camwatch-hub problems shows all")
    return passed(check, f"online{_since(node, now)}, version {node.version or 'not known'}")


def _since(node: NodeState, now: datetime) -> str:
    if node.since_utc is None:
        return ""
    return f" for {format_duration(max(0.0, (now - node.since_utc).total_seconds()))}"


def _rows(trail: AuditTrail) -> Iterator[AuditRow]:
    last = 0
    while rows := trail.rows_after(last, ROWS):
        yield from rows
        last = rows[-1].seq


def away(check: str) -> Finding:
    """In place of what cannot be asked without the archive."""
    return skipped(check, "the archive cannot be opened: see above")
