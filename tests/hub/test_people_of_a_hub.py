"""A real hub process over HTTPS: its first administrator, users by command, the trail."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3

import pytest

from tests.harness.plugin import HubFactory
from tests.harness.processes import HubProcess
from tests.hub.people import API, Client, first_link

pytestmark = pytest.mark.system

PASSWORD = "bốn từ không liên quan"


@pytest.fixture
def running(hub: HubFactory) -> HubProcess:
    """A hub over HTTPS that is ready and has said how to make its first administrator."""
    process = hub(has_tls=True)
    process.start_until(lambda: "hub ready" in process.log_text)
    return process


def browser(hub: HubProcess) -> Client:
    """A stranger's."""
    return Client(hub.url, hub.ca_file)


def test_the_first_administrator_comes_in_by_the_link_in_the_log(running: HubProcess) -> None:
    """Once; after a restart there is no further link, and the session lives on."""
    link = first_link(running.log_text)
    admin = browser(running)
    assert admin.get(link).status == 200
    entered = admin.post_form(link, name="admin", password=PASSWORD, again=PASSWORD)
    assert entered.status == 303
    assert admin.get(f"{API}/session").get("role") == "administrator"
    assert browser(running).get(link).status == 404
    ready = running.log_text.count("hub ready")
    running.stop()
    running.start_until(lambda: running.log_text.count("hub ready") > ready)
    assert admin.get(f"{API}/session").status == 200
    assert running.log_text.count("open this link once") == 1
    assert PASSWORD not in running.log_text


def test_a_fresh_link_for_the_first_administrator_takes_the_place_of_the_one_in_the_log(
    running: HubProcess,
) -> None:
    """Whenever one is asked for, while nobody can administrate; then no more."""
    old = first_link(running.log_text)
    made = running.command("user", "first")
    assert made.returncode == 0, made.stderr
    link = first_link(made.stdout)
    assert made.stdout == f"{running.url}{link}\n"
    admin = browser(running)
    assert admin.get(old).status == 404
    assert admin.post_form(link, name="admin", password=PASSWORD, again=PASSWORD).status == 303
    again = running.command("user", "first")
    assert (again.returncode, again.stdout) == (1, "") and "is an administrator" in again.stderr
    entries = map(json.loads, running.command("audit", "--json").stdout.splitlines())
    assert [(each["action"], each["by"]) for each in entries][-2:] == [
        ("user.first", "link"),
        ("user.invite", "command"),
    ]


def test_a_hub_that_is_ready_makes_no_further_link(running: HubProcess) -> None:
    """So that the newest is the one that somebody asked for."""
    assert running.log_text.index("open this link once") < running.log_text.index("hub ready")


def test_users_and_tokens_are_managed_by_command_beside_the_running_hub(
    running: HubProcess,
) -> None:
    """Each change holds at once; no command takes or prints a password."""
    added = running.command(
        "user", "add", "anna", "--role", "operator", "--full-name", "Trần Thị Anna"
    )
    link = re.sub(r"^https?://[^/]+", "", added.stdout.strip())
    too_early = running.command("token", "add", "anna", "display in the hall")
    assert too_early.returncode == 1 and "choose a password" in too_early.stderr
    anna = browser(running)
    assert anna.post_form(link, password=PASSWORD, again=PASSWORD).status == 303
    assert running.command("user", "add", "Anna").returncode == 1
    assert running.command("user", "add", "Đào").returncode == 1
    (listed,) = running.command("user", "list", "--json").stdout.splitlines()
    assert json.loads(listed)["state"] == "active"
    token = running.command("token", "add", "anna", "display in the hall").stdout.strip()
    program = Client(running.url, running.ca_file, token=token)
    assert program.get(f"{API}/session").get("role") == "viewer"
    assert token not in running.command("token", "list").stdout
    assert running.command("token", "revoke", "1").returncode == 0
    assert running.command("token", "revoke", "1").returncode == 1
    assert program.get(f"{API}/session").status == 401
    assert running.command("user", "disable", "anna").returncode == 0
    assert anna.get(f"{API}/session").status == 401
    assert running.command("user", "disable", "nobody").returncode == 1


def test_the_trail_is_listed_verified_and_an_edit_of_the_file_is_found(
    running: HubProcess,
) -> None:
    """By the hub's own command, which knows the head that the hub noted elsewhere."""
    running.command("user", "add", "anna")
    browser(running).log_in("anna", "wrong")
    lines = running.command("audit", "--json").stdout.splitlines()
    entries = [json.loads(line) for line in lines]
    assert [(each["action"], each["by"], each["outcome"]) for each in entries] == [
        ("audit.view", "command", "done"),
        ("login", "nobody", "refused"),
        ("user.invite", "command", "done"),
        ("user.add", "command", "done"),
    ]
    whole = running.command("audit", "--verify")
    assert whole.returncode == 0 and "whole, 4 entries" in whole.stdout
    head = whole.stdout.split("head: ")[1].strip()
    assert running.command("audit", "--verify", "--head", head).returncode == 0
    running.stop()
    assert (running.state_dir / "audit.head").read_text().strip() == head
    with contextlib.closing(sqlite3.connect(running.state_dir / "archive.sqlite")) as db, db:
        db.execute("DROP TRIGGER audit_is_not_cut")
        db.execute("DELETE FROM audit WHERE seq = 4")
    cut = running.command("audit", "--verify")
    assert cut.returncode == 1
    assert "entry 4: was remembered and is not there" in cut.stdout
