"""scripts/install-hub on a real system that is booted: broker, hub, certificates, services."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scripts.install import steps
from tests.scripts.install.steps import Step
from tests.units.container import bare_container

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(1200),
    pytest.mark.xdist_group("bundle"),
]

STEPS = """
misused          ./install-hub --name hub.test --cert x
bad_zone         ./install-hub --name hub.test --time-zone Mars/North
bad_archive      ./install-hub --name hub.test --archive /etc/archive
nothing_done     ls /opt/camwatch
first            ./install-hub --name hub.test --address 127.0.0.1 --time-zone Asia/Ho_Chi_Minh
files            stat -c %n:%U:%G:%a /etc/camwatch/* /var/lib/camwatch-{hub,ca{,/*}}
listening        ss -Hltn
broker_before    serial 8883
hub_before       serial 8443
doctor           hub doctor
edit             echo "log_level: debug" >> /etc/camwatch/hub.yaml
edit_broker      echo "# ours" >> /etc/mosquitto/conf.d/camwatch.conf
started          systemctl show -p ActiveEnterTimestampMonotonic camwatch-hub mosquitto
again            ./install-hub
started_again    systemctl show -p ActiveEnterTimestampMonotonic camwatch-hub mosquitto
settings         cat /etc/camwatch/hub.yaml /etc/mosquitto/conf.d/camwatch.conf
force            sed -i "s/--reload/--reload --force/" /etc/systemd/system/camwatch-ca.service
reload           systemctl daemon-reload
renew            systemctl start camwatch-ca
broker_after     serial 8883
hub_after        serial 8443
restarts         systemctl show -p NRestarts --value camwatch-hub mosquitto
timer            systemctl is-active camwatch-ca.timer
uninstalled      ./install-hub --uninstall
kept             ls /etc/camwatch/hub.yaml /var/lib/camwatch-{hub/archive.sqlite,ca/authority.pem}
gone             ls /opt/camwatch /usr/local/bin/camwatch-hub /etc/mosquitto/conf.d/camwatch.conf
units_gone       ls /etc/systemd/system/camwatch-hub.service /etc/systemd/system/camwatch-ca.timer
back             ./install-hub
unconfirmed      ./install-hub --uninstall --purge
still            systemctl is-active camwatch-hub
purged           ./install-hub --uninstall --purge --yes
traces           traces
"""


@pytest.fixture(scope="module")
def done(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """All steps, in one container that is booted once."""
    folder = tmp_path_factory.mktemp("hub") / "container"
    with bare_container(folder, {"/bundle": unpacked}) as machine:
        return steps.results(machine.boot(steps.LITE + steps.script(STEPS)))


def test_wrong_words_are_refused_before_anything_is_changed(done: dict[str, Step]) -> None:
    """Each with its own exit status."""
    assert [done[each].status for each in ("misused", "bad_zone", "bad_archive")] == [2, 78, 78]
    assert "--cert, --key and --ca go together" in done["misused"].text
    assert "Asia/Ho_Chi_Minh" in done["bad_zone"].text
    assert done["nothing_done"].status != 0


def test_it_installs_without_network_and_without_debians_pip(done: dict[str, Step]) -> None:
    """And says address, first administrator, and the next command."""
    first = done["first"]
    assert first.status == 0, first.text
    assert "the console: https://hub.test:8443" in first.text
    assert re.search(r"https://hub\.test:8443/welcome/\S{20,}", first.text)
    assert "camwatch-hub node add" in first.text
    assert "8443 and 8883" in first.text


def test_the_doctor_finds_nothing_wrong_but_the_containers_clock(done: dict[str, Step]) -> None:
    """No failure of broker, certificates, archive or HTTP."""
    failed = [line for line in done["doctor"].text.splitlines() if line.startswith("fail")]
    assert [line.split()[1] for line in failed] in ([], ["time"]), done["doctor"].text


def test_plain_mqtt_and_http_are_for_the_loopback_alone(done: dict[str, Step]) -> None:
    """As the kernel lists who listens."""
    places = [line.split()[3].rpartition(":")[::2] for line in done["listening"].text.splitlines()]
    assert {host for host, port in places if port == "1883"} == {"127.0.0.1"}
    assert {port for host, port in places if not host.startswith(("127.", "[::1]"))} <= {
        "8883", "8443",
    }  # fmt: skip
    assert {"8883", "8443"} <= {port for _, port in places}


def test_keys_are_readable_by_their_server_alone(done: dict[str, Step]) -> None:
    """The authority's by root alone: the hub cannot make certificates."""
    found = set(done["files"].text.split())
    assert {
        "/etc/camwatch/hub-key.pem:root:camwatch-hub:640",
        "/etc/camwatch/broker-key.pem:root:mosquitto:640",
        "/etc/camwatch/hub-ca.pem:root:root:644",
        "/var/lib/camwatch-ca:root:root:700",
        "/var/lib/camwatch-ca/authority.pem:root:root:600",
        "/var/lib/camwatch-hub:camwatch-hub:camwatch-hub:711",
    } <= found


def test_again_it_keeps_what_was_edited_and_disturbs_nothing(done: dict[str, Step]) -> None:
    """Neither process is started anew."""
    assert done["again"].status == 0, done["again"].text
    assert "is here already" in done["again"].text
    assert done["started_again"] == done["started"]
    assert "log_level: debug" in done["settings"].text
    assert "time_zone: Asia/Ho_Chi_Minh" in done["settings"].text
    assert "# ours" in done["settings"].text
    assert "was edited and stays" in done["again"].text


def test_the_first_administrators_link_is_fresh_each_time(done: dict[str, Step]) -> None:
    """Nobody can administrate yet, and that of the first time may have ended."""
    links = [re.findall(r"/welcome/(\S{20,})", done[each].text) for each in ("first", "again")]
    assert [len(each) for each in links] == [1, 1] and links[0] != links[1]


def test_certificates_are_taken_and_renewed_without_a_restart(done: dict[str, Step]) -> None:
    """By the timer's own unit in its sandbox; a client that trusts hub-ca.pem takes them all."""
    shown = ("broker_before", "broker_after", "hub_before", "hub_after")
    serials = [done[each].text for each in shown]
    assert all(text.startswith("serial=") for text in serials), serials
    assert len(set(serials)) == len(shown)
    assert done["renew"].status == 0, done["renew"].text
    assert done["restarts"].text.split() == ["0", "0"]
    assert done["timer"].text == "active\n"


def test_uninstalling_keeps_data_and_installing_takes_it_up_again(done: dict[str, Step]) -> None:
    """The same authority: nodes need nothing new."""
    assert done["uninstalled"].status == 0, done["uninstalled"].text
    assert done["kept"].status == 0, done["kept"].text
    assert done["gone"].text.count("cannot access") == 3, done["gone"].text
    assert done["units_gone"].text.count("cannot access") == 2, done["units_gone"].text
    assert done["back"].status == 0, done["back"].text
    assert "a new authority" not in done["back"].text


def test_purging_is_confirmed_and_leaves_nothing(done: dict[str, Step]) -> None:
    """Without a terminal and without --yes nothing is removed."""
    assert done["unconfirmed"].status == 1
    assert "--yes" in done["unconfirmed"].text
    assert done["still"].text == "active\n"
    assert done["purged"].status == 0, done["purged"].text
    assert done["traces"].text == ""
