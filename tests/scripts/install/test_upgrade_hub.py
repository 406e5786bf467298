"""scripts/install-hub with newer versions: good ones are taken, others taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.authority.files import USES
from tests.scripts.install import steps
from tests.scripts.install.steps import Step
from tests.scripts.install.versions import newer
from tests.units.container import bare_container

pytestmark = [
    pytest.mark.slow,
    pytest.mark.system,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("bundle"),
]

MUTE = {"hub/api/app.py": ("/healthz", "/hi")}
ONE_WAY = {
    "hub/archive/schema.py": ("UPDATES,\n)", 'UPDATES, "CREATE TABLE more (id INTEGER);",\n)'),
}
GIVEN = "--cert hub.pem --key hub-key.pem --ca hub-ca.pem"
STEPS = f"""
no_disk     ./install-hub --name hub.test --archive /mnt/archive
first       ./install-hub --name hub.test --address 127.0.0.1 --archive /mnt/archive --same-disk
archive     ls /mnt/archive/archive.sqlite
good        ./install-hub --from /good
good_link   readlink /opt/camwatch/current /opt/camwatch/previous
mute        ./install-hub --from /mute
mute_link   readlink /opt/camwatch/current
mute_alive  systemctl is-active camwatch-hub
dead        ./install-hub --from /dead
dead_link   readlink /opt/camwatch/current
dead_alive  systemctl is-active camwatch-hub
doctor      hub doctor
damaged     cp -r /good /var/tmp/damaged; echo x >> /var/tmp/damaged/requirements/hub.txt
refused     ./install-hub --from /var/tmp/damaged
folder      ./install-hub --from /nowhere
names       ./install-hub --address 192.168.7.7
told        ./install-hub --drop hub.test
shown       camwatch-hub ca show
elsewhere   ./install-hub --name other.example
twice       flock /run/camwatch-install.lock ./install-hub
given       camwatch-hub ca make --folder /var/tmp/own/k --to /var/tmp/own/p --name hub.test
use         cd /var/tmp/own/p; /bundle/install-hub --name hub.test {GIVEN}
instead     ./install-hub --name hub.test
serial      serial 8443
own_serial  openssl x509 -noout -serial -in /var/tmp/own/p/hub.pem
oneway      ./install-hub --from /oneway
oneway_link readlink /opt/camwatch/current
mend        ./install-hub --from /mended
mend_link   readlink /opt/camwatch/current
theirs      touch /mnt/archive/theirs
purge       ./install-hub --uninstall --purge --yes
left        ls -A /mnt/archive
"""


@pytest.fixture(scope="module")
def done(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """All steps, in one container that is booted once."""
    folder = tmp_path_factory.mktemp("upgrades")
    bundles = {
        "/bundle": unpacked,
        "/good": newer(unpacked, folder / "good", "0.2.0", {}),
        "/mute": newer(unpacked, folder / "mute", "0.3.0", MUTE),
        "/dead": newer(
            unpacked, folder / "dead", "0.4.0",
            {"hub/cli/run.py": ("    service.run(", "    raise SystemExit(1)\n    service.run(")},
        ),
        "/oneway": newer(unpacked, folder / "oneway", "0.5.0", ONE_WAY | MUTE),
        "/mended": newer(unpacked, folder / "mended", "0.6.0", ONE_WAY),
    }  # fmt: skip
    with bare_container(folder / "container", bundles) as machine:
        return steps.results(machine.boot(steps.LITE + steps.script(STEPS)))


def test_a_good_version_is_taken_and_the_one_before_kept(done: dict[str, Step]) -> None:
    """Beside each other, to go back to."""
    assert done["first"].status == 0, done["first"].text
    assert done["good"].status == 0, done["good"].text
    assert done["good_link"].text.split() == ["versions/0.2.0", "versions/0.1.0"]


def test_an_archive_elsewhere_is_written_to_and_purged_of_what_is_ours(
    done: dict[str, Step],
) -> None:
    """What others put into the folder stays."""
    assert done["no_disk"].status == 78 and "--same-disk" in done["no_disk"].text
    assert done["archive"].status == 0, done["first"].text
    assert done["purge"].status == 0, done["purge"].text
    assert done["left"].text == "theirs\n"


def test_a_version_that_does_worse_by_its_doctor_is_taken_back(done: dict[str, Step]) -> None:
    """It starts, and does not answer where it should."""
    assert done["mute"].status == 1
    assert "does worse (http" in done["mute"].text and "0.2.0 runs again" in done["mute"].text
    assert done["mute_link"].text == "versions/0.2.0\n"
    assert done["mute_alive"].text == "active\n"


def test_a_version_that_does_not_start_is_taken_back(done: dict[str, Step]) -> None:
    """And the hub is well afterwards."""
    assert done["dead"].status == 1
    assert "it does not start" in done["dead"].text and "0.2.0 runs again" in done["dead"].text
    assert done["dead_link"].text == "versions/0.2.0\n"
    assert done["dead_alive"].text == "active\n"
    failed = [line for line in done["doctor"].text.splitlines() if line.startswith("fail")]
    assert [line.split()[1] for line in failed] in ([], ["time"]), done["doctor"].text


def test_a_version_that_changed_the_archive_stays_and_the_next_one_is_taken(
    done: dict[str, Step],
) -> None:
    """The one before could not go on in it, which is said."""
    assert done["oneway"].status == 1
    assert "IT STAYS: 0.1.0 cannot open the archive as it is now" in done["oneway"].text
    assert "the hub does not work yet: http" in done["oneway"].text
    assert done["oneway_link"].text == "versions/0.5.0\n"
    assert done["mend"].status == 0, done["mend"].text
    assert done["mend_link"].text == "versions/0.6.0\n"


def test_a_damaged_bundle_is_refused(done: dict[str, Step]) -> None:
    """The file is named; so is a bundle that there is not."""
    assert done["refused"].status == 1
    assert "damaged: requirements/hub.txt" in done["refused"].text
    assert done["folder"].status == 1 and "no bundle /nowhere" in done["folder"].text


def test_names_may_be_added_within_the_authoritys_rights(done: dict[str, Step]) -> None:
    """Those of before stay. Others are refused, with the remedy, and nothing changes."""
    assert done["names"].status == 0, done["names"].text
    assert done["shown"].text.count("for hub.test, 127.0.0.1, 192.168.7.7\n") == len(USES)
    assert done["told"].status == 1
    assert "nodes are told to call this hub hub.test" in done["told"].text
    assert done["elsewhere"].status == 1
    assert "may not speak for other.example" in done["elsewhere"].text
    assert "ca next" in done["elsewhere"].text


def test_two_installers_take_turns(done: dict[str, Step]) -> None:
    """The second says so at once."""
    assert done["twice"].status == 1
    assert "another installation or update is under way" in done["twice"].text


def test_given_certificates_are_served_at_once(done: dict[str, Step]) -> None:
    """In place of the authority's own, without a restart; and stay when a name is given again."""
    assert done["use"].status == 0, done["use"].text
    assert done["instead"].status == 1
    assert "was not made by this hub's authority" in done["instead"].text
    assert done["serial"].text == done["own_serial"].text
    assert done["serial"].text.startswith("serial=")
