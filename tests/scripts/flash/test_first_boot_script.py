"""The first start's own script, run as it is, over and over, in a file system view of its own.

The installer in the bundle is a small one that says and ends as told; the real one is in
`test_first_start`. Nothing of this machine is touched: the places that the script writes to are
empty in its view, and `systemctl` is a stand-in that notes what it was asked.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.lib import bundle
from tests.scripts.flash import layouts

SCRIPT = layouts.ROOT / "scripts/lib/flash/card/first-boot"
INSTALLER = """#!/bin/sh
echo "$@" >>"$SAID/arguments"
cat "$SAID/words" >&2
exit "$(cat "$SAID/status")"
"""
VIEW = """
mkdir -p "$BOX/lib" "$BOX/units/multi-user.target.wants"
mount --bind "$BOX/boot" /boot && mount --bind "$BOX/lib" /var/lib &&
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

    def asked(self) -> str:
        """What systemctl was asked to do."""
        path = self.folder / "systemctl"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A box before its first start."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for a file system view of its own")
    made = Box(tmp_path)
    made.card.mkdir(parents=True)
    for name in ("bin", "run"):
        (tmp_path / name).mkdir()
    stand_in = tmp_path / "bin" / "systemctl"
    stand_in.write_text('#!/bin/sh\necho "$@" >>"$SAID/systemctl"\n')
    stand_in.chmod(0o755)
    packed = layouts.small_bundle(tmp_path, "x86_64", installer=INSTALLER)
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


REFUSED = "install-node: the hub does not answer at hub.example.org:8443"
REMEDY = "install-node: hint: is it running, and the network cable in?"


def test_it_installs_enrols_and_takes_the_secret_off_the_card(box: Box) -> None:
    """And does not run again."""
    assert box.start(0) == 0
    assert box.status()[-1] == "installed and enrolled"
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
    assert said[-3:] == [REFUSED, REMEDY, "not installed and enrolled yet; it is tried again"]
    assert said.count(REFUSED) == 1
    assert (box.card / "gate-3.node").read_text() == layouts.TOKEN
    assert not (box.state / "done").exists()
    assert box.start(0) == 0
    assert box.status()[-1] == "installed and enrolled"
    assert not (box.card / "gate-3.node").exists()


def test_a_node_file_that_is_wrong_is_not_tried_over_and_over(box: Box) -> None:
    """systemd does not start it again on 78 before the next boot."""
    assert box.start(78, "install-node: the token has ended\n") == 78
    assert "make a new one at the hub" in box.status()[-1]


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
