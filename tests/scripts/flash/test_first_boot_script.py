"""The first start's own script, run as it is, over and over, in a file system view of its own.

The installer in the bundle is a small one that says and ends as told; the real one is in
`test_first_start`. Nothing of this machine is touched: the places that the script writes to are
empty in its view, and `systemctl` is a stand-in that notes what it was asked.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from edge.base import findings
from edge.base.findings import Finding
from edge.contract.nodefile import HubAddress
from scripts.lib import bundle
from tests.harness.broker import free_port
from tests.scripts.flash import layouts

SCRIPT = layouts.ROOT / "scripts/lib/flash/card/first-boot"
LIB = layouts.ROOT / "scripts/lib/install"
INSTALLER = """#!/bin/sh
echo "$@" >>"$SAID/arguments"
cat "$SAID/words" >&2
exit "$(cat "$SAID/status")"
"""
# The installer's own step of joining, with the real `camwatch-edge enrol`; nothing is installed.
JOINING = f"""#!/bin/bash
set -euo pipefail
wait="" node_file="${{@: -1}}" opt_dir=$SAID/opt
for part in words node; do . {LIB}/$part.sh; done
node_settings=$SAID/etc/edge.yaml
as() {{ shift; "$@"; }}
enrol_node
"""
ENROL = f"""#!/bin/sh
cd {layouts.ROOT} && exec {sys.executable} -m edge.cli "$@"
"""
# The doctor says what the next of the files doctor-1, doctor-2 ... holds, after its exit status.
RUNUSER = """#!/bin/sh
echo "$@" >>"$SAID/runuser"
look=$(wc -l <"$SAID/runuser")
[ -e "$SAID/doctor-$look" ] || look=last
sed 1d "$SAID/doctor-$look"
exit "$(head -n 1 "$SAID/doctor-$look")"
"""
SLEEP = """#!/bin/sh
cat /sys/class/leds/ACT/trigger >>"$SAID/lights"
"""
VIEW = """
mkdir -p "$BOX/lib" "$BOX/units/multi-user.target.wants" "$BOX/class/leds/ACT"
touch "$BOX/class/leds/ACT/trigger"
mount --bind "$BOX/boot" /boot && mount --bind "$BOX/lib" /var/lib &&
    mount --bind "$BOX/class" /sys/class &&
    mount --bind "$BOX/units" /etc/systemd/system || exit 99
mkdir -p /var/lib/camwatch-first-boot
exec sh "$1"
"""


@dataclass(frozen=True)
class Box:
    """A box with a card in it."""

    folder: Path

    @property
    def card(self) -> Path:
        """Its folder on the boot partition."""
        return self.folder / "boot" / "firmware" / "camwatch"

    @property
    def state(self) -> Path:
        """Where the first start keeps what it has done."""
        return self.folder / "lib" / "camwatch-first-boot"

    def start(self, status: int, words: str = "") -> int:
        """One run of the script, in which the installer says `words` and ends so; its status."""
        (self.folder / "status").write_text(str(status))
        (self.folder / "words").write_text(words)
        environment = os.environ | {
            "BOX": str(self.folder),
            "SAID": str(self.folder),
            "RUNTIME_DIRECTORY": str(self.folder / "run"),
            "PATH": f"{self.folder / 'bin'}:{layouts.PATH}",
        }
        command = ["unshare", "--mount", "sh", "-c", VIEW, "sh", str(SCRIPT)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 99:
            pytest.skip(f"nothing can be mounted here: {done.stderr}")
        return done.returncode

    def status(self) -> list[str]:
        """What status.txt says, without the times."""
        return [line[22:] for line in (self.card / "status.txt").read_text().splitlines()]

    def doctor_finds(self, *looks: list[Finding]) -> None:
        """What the doctor finds each time it is asked from now on; the last for ever."""
        (self.folder / "runuser").unlink(missing_ok=True)
        for number, found in enumerate(looks, start=1):
            said: list[str] = []
            status = findings.tell(found, is_json=False, say=said.append)
            name = "doctor-last" if number == len(looks) else f"doctor-{number}"
            (self.folder / name).write_text("\n".join([str(status), *said]) + "\n")

    @property
    def light(self) -> str:
        """How the green light is set."""
        return (self.folder / "class/leds/ACT/trigger").read_text().strip()

    def asked(self) -> str:
        """What systemctl was asked to do."""
        path = self.folder / "systemctl"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A box before its first start."""
    return make_box(tmp_path, INSTALLER)


@pytest.fixture
def joining(tmp_path: Path) -> Box:
    """The same, with the real enrolment in it."""
    made = make_box(tmp_path, JOINING)
    program = tmp_path / "opt/current/bin/camwatch-edge"
    program.parent.mkdir(parents=True)
    program.write_text(ENROL)
    program.chmod(0o755)
    return made


def make_box(tmp_path: Path, installer: str) -> Box:
    """A box whose bundle has that installer."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for a file system view of its own")
    made = Box(tmp_path)
    made.card.mkdir(parents=True)
    for name in ("bin", "run"):
        (tmp_path / name).mkdir()
    systemctl = '#!/bin/sh\necho "$@" >>"$SAID/systemctl"\n'
    for name, text in {"systemctl": systemctl, "runuser": RUNUSER, "sleep": SLEEP}.items():
        stand_in = tmp_path / "bin" / name
        stand_in.write_text(text)
        stand_in.chmod(0o755)
    made.doctor_finds([WELL])
    packed = layouts.small_bundle(tmp_path, "x86_64", installer=installer)
    packed.rename(made.card / packed.name)
    (made.card / "gate-3.node").write_text(layouts.TOKEN)
    conf = {
        "CARD_NODE": "gate-3.node",
        "CARD_BUNDLE": packed.name,
        "CARD_BUNDLE_SHA256": bundle.digest(made.card / packed.name),
        "CARD_SSH": "off",
    }
    text = "".join(f"{key}={value}\n" for key, value in conf.items())
    (made.card / "card.conf").write_text(text)
    return made


REFUSED = "install-node: no wheel fits this system"
REMEDY = "install-node: hint: take a newer bundle"
WELL = findings.passed("agent", "it runs")
DARK = findings.failed("camera.gate", "unauthorised: rtsp://192.0.2.10/1", "user or password?")
SHUT = findings.failed("hub.broker", "no answer at hub.example.org:8883", "open the port")
STILL = findings.warned("agent", "it does not run", "systemctl status camwatch-edge tells why")
JOINED, WATCHES = "installed and enrolled", "joined, and it watches"
AGAIN = "not installed and enrolled yet; it is tried again"
NOT_AGAIN = "not installed and enrolled, and not tried again until it is switched off and on"


def test_it_installs_enrols_and_takes_the_secret_off_the_card(box: Box) -> None:
    """And does not run again; the light beats."""
    assert box.start(0) == 0
    assert box.light == "heartbeat"
    assert box.status()[-2:] == [JOINED, WATCHES]
    assert sorted(path.name for path in box.card.iterdir()) == ["card.conf", "status.txt"]
    assert (box.state / "done").exists()
    assert not (box.state / "bundle").exists()
    assert "disable --now ssh.service" in box.asked()
    given = (box.folder / "arguments").read_text()
    assert given.endswith(f" {box.folder}/run/gate-3.node\n")


def test_what_hinders_it_stands_on_the_card_once(box: Box) -> None:
    """With the remedy; a hundred tries do not fill the card, and the node file stays."""
    for _ in range(4):
        assert box.start(1, f"{REFUSED}\n{REMEDY}\n") == 1
    said = box.status()
    assert said[-3:] == [REFUSED, REMEDY, AGAIN]
    assert said.count(REFUSED) == 1
    assert (box.card / "gate-3.node").read_text() == layouts.TOKEN
    assert not (box.state / "done").exists()
    assert box.start(0) == 0
    assert box.status()[-2:] == [JOINED, WATCHES]
    assert not (box.card / "gate-3.node").exists()


def test_a_node_file_that_is_wrong_is_not_tried_over_and_over(box: Box) -> None:
    """systemd does not start it again on 78 before the next boot; the remedy is the installer's."""
    assert box.start(78, f"{REFUSED}\n{REMEDY}\n") == 78
    assert box.status()[-3:] == [REFUSED, REMEDY, NOT_AGAIN]
    assert box.start(1, f"{REFUSED}\n{REMEDY}\n") == 1
    assert box.status()[-1] == AGAIN, "the last word is the one that holds"


def test_a_remedy_is_named_where_the_installer_has_none(box: Box) -> None:
    """Then a new node file is the best guess."""
    assert box.start(78, "install-node: the node file is refused\n") == 78
    assert "make a new one at the hub" in box.status()[-1]


def test_the_text_on_the_card_does_not_grow_for_ever(box: Box) -> None:
    """Two reasons in turn, for months, on a partition that kernels need; the end is kept."""
    status = box.card / "status.txt"
    status.write_text(f"2026-01-01T00:00:00Z  {'x' * 78}\n" * 3000)
    assert box.start(1, f"{REFUSED}\n{REMEDY}\n") == 1
    assert status.stat().st_size < 100_000
    assert box.status()[-3:] == [REFUSED, REMEDY, AGAIN]


def give_file(box: Box, port: int, **more: object) -> None:
    """Put a real node file on the card, of a hub at that port of the loopback."""
    hub = HubAddress("127.0.0.1", 1883, f"http://127.0.0.1:{port}")
    made = layouts.node_file(box.folder / "gate-3.node", **{"hub": hub, "ca": None} | more)
    made.replace(box.card / "gate-3.node")


@contextmanager
def hub_that_refuses(message: str) -> Iterator[int]:
    """Answers each box with that 403, as hub/api/enrol.py does; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(403)
            self.end_headers()
            self.wfile.write(b'{"error":"used","message":"%s"}' % message.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_hub_that_is_away_is_told_on_the_card(joining: Box) -> None:
    """By what camwatch-edge says of it, with its advice; that is what the installer looks up."""
    port = free_port()
    give_file(joining, port)
    for _ in range(2):
        assert joining.start(0) == 1
    said = joining.status()
    away = f"camwatch-edge: the hub does not answer at 127.0.0.1:{port}: Connection refused"
    (at,) = (at for at, line in enumerate(said) if line == away)
    advice = "is this box in the network, the hub on, and its port open in the firewall?"
    assert said[at + 1] == advice
    assert said[-1] == AGAIN
    assert (joining.card / "gate-3.node").exists()


def test_a_refusal_is_told_on_the_card_with_its_remedy(joining: Box) -> None:
    """In the hub's words, and not tried again."""
    message = "another box has joined with this node file of gate-3; camwatch-hub node revoke"
    with hub_that_refuses(message) as port:
        give_file(joining, port)
        assert joining.start(0) == 78
        said = joining.status()
    reason, remedy = message.split("; ")
    at = said.index(f"camwatch-edge: the hub at 127.0.0.1:{port} says: {reason}")
    assert said[at + 1] == remedy
    assert said[-1] == NOT_AGAIN


def test_what_is_wrong_on_the_box_is_not_laid_on_the_node_file(joining: Box) -> None:
    """A damaged note has a remedy of its own; a new node file would not mend it."""
    give_file(joining, free_port())
    note = joining.folder / "etc" / "enrolment.json"
    note.parent.mkdir()
    note.write_text("{")
    assert joining.start(0) == 78
    said = joining.status()
    assert any(line.startswith(f"camwatch-edge: {note} is damaged: ") for line in said)
    assert "remove it, run this again" in said
    assert said[-1] == NOT_AGAIN


def test_a_card_that_was_damaged_says_so(box: Box) -> None:
    """One bit of the bundle; nothing of it is run."""
    path = next(box.card.glob("*.tar"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert box.start(0) == 1
    assert "is damaged: write the card again" in box.status()[-1]
    assert not (box.folder / "arguments").exists()


def test_what_a_power_cut_left_half_unpacked_is_made_anew(box: Box) -> None:
    """Its name says that it is not whole."""
    box.state.mkdir(parents=True)
    (box.state / "bundle.part").mkdir()
    (box.state / "bundle.part" / "install-node").write_text("half")
    assert box.start(0) == 0


def test_after_the_hub_has_answered_only_the_cleaning_is_left(box: Box) -> None:
    """A power cut between the two does not redeem the token a second time."""
    box.state.mkdir(parents=True)
    (box.state / "enrolled").touch()
    assert box.start(1) == 0
    assert not (box.folder / "arguments").exists()
    assert not (box.card / "gate-3.node").exists()


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([WELL, DARK], ["fail  camera.gate  unauthorised: rtsp://192.0.2.10/1; user or password?"]),
        (
            [SHUT, DARK],
            ["fail  hub.broker  no answer at hub.example.org:8883; open the port",
             "fail  camera.gate  unauthorised: rtsp://192.0.2.10/1; user or password?"],
        ),
        ([STILL], ["warn  agent  it does not run; systemctl status camwatch-edge tells why"]),
    ],
    ids=["camera", "both", "agent"],
)  # fmt: skip
def test_a_node_that_joined_and_watches_nothing_is_not_well(
    box: Box, found: list[Finding], words: list[str]
) -> None:
    """It blinks slowly, with the doctor's words on the card, until all is well."""
    box.doctor_finds(found, found, [WELL])
    assert box.start(0) == 0
    assert (box.folder / "lights").read_text().split() == ["timer", "timer"]
    assert box.light == "heartbeat"
    assert box.status()[-len(words) - 2 :] == [JOINED, *words, WATCHES]
    assert (box.state / "done").exists()


def test_a_clock_that_nobody_sets_is_told_and_hinders_nothing(box: Box) -> None:
    """A town without a time server; beside another fault it does not hide that one."""
    clock = findings.failed("time", "the clock was never set in this boot", "timedatectl")
    told = "fail  time  the clock was never set in this boot; timedatectl"
    box.doctor_finds([clock, DARK], [WELL, clock])
    assert box.start(0) == 0
    dark = "fail  camera.gate  unauthorised: rtsp://192.0.2.10/1; user or password?"
    assert box.status()[-5:] == [JOINED, told, dark, told, WATCHES]
    assert box.light == "heartbeat"


def test_a_node_that_does_not_get_well_is_looked_at_again_at_the_next_start(box: Box) -> None:
    """After a bounded time, for whoever mends the camera and switches the box off and on."""
    box.doctor_finds([DARK])
    assert box.start(0) == 0
    assert len((box.folder / "runuser").read_text().splitlines()) == 90
    assert box.light == "timer"
    assert box.status()[-1].startswith("not well yet: mend that")
    assert not (box.card / "gate-3.node").exists()
    assert not (box.state / "done").exists()
    box.doctor_finds([WELL])
    assert box.start(1) == 0, "nothing is installed again"
    assert box.status()[-1] == WATCHES
    assert (box.light, (box.state / "done").exists()) == ("heartbeat", True)


def test_a_doctor_that_cannot_be_asked_is_not_taken_for_a_yes(box: Box) -> None:
    """Its last words tell why."""
    said = "78\ncamwatch-edge: /etc/camwatch/edge.yaml: cameras: one is needed\n"
    (box.folder / "doctor-1").write_text(said)
    assert box.start(0) == 0
    assert box.status()[-2:] == [said.splitlines()[1], WATCHES]
