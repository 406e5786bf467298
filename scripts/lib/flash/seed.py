"""User, network and host name in the words of an image's own first boot.

cloud-init's documents are written as JSON, which is YAML: no quoting can go wrong in it.
"""

from __future__ import annotations

import json
import shlex

from scripts.lib.flash.wanted import Wanted, Wifi

USER_GROUPS = ["adm", "sudo", "systemd-journal", "video"]
FOLDER = "/boot/firmware/camwatch"
LABEL = "CIDATA"
# cloud-init marks a module as done before it runs, so what a power cut ends half done is never done
# again. bootcmd alone is run at every start; it only arms our own unit, which is then run until it
# has succeeded.
ARM_FROM_BOOT = f"[ ! -f {FOLDER}/arm ] || sh {FOLDER}/arm"
ARM_FROM_CIDATA = (
    f"d=/run/camwatch-card; mkdir -p $d && mount -o ro /dev/disk/by-label/{LABEL} $d && "
    "{ [ ! -f $d/camwatch/arm ] || sh $d/camwatch/arm; umount $d; }"
)


def user_data(wanted: Wanted, arm: str) -> bytes:
    """cloud-init's user-data; `arm` is the shell command that arms the first-boot unit."""
    user: dict[str, object] = {
        "name": wanted.user,
        "gecos": "Camwatch",
        "groups": USER_GROUPS,
        "shell": "/bin/bash",
        "lock_passwd": wanted.password_hash is None,
    }
    if wanted.password_hash is not None:
        user["passwd"] = wanted.password_hash
    if wanted.ssh_keys:
        user["ssh_authorized_keys"] = list(wanted.ssh_keys)
        user["sudo"] = "ALL=(ALL) NOPASSWD:ALL"
    document = {
        "hostname": wanted.host,
        "manage_etc_hosts": True,
        "timezone": wanted.time_zone,
        "users": [user],
        "disable_root": True,
        "ssh_pwauth": False,
        "bootcmd": [["sh", "-c", arm]],
    }
    return b"#cloud-config\n" + _json(document)


def meta_data(wanted: Wanted, instance: str) -> bytes:
    """cloud-init's meta-data; a new `instance` makes it take this for a first boot."""
    return _json({"instance-id": instance, "local-hostname": wanted.host, "dsmode": "local"})


def network_config(wifi: Wifi) -> bytes:
    """netplan's words for a Wi-Fi network, with the cable as well; version 2."""
    point: dict[str, object] = {"hidden": True} if wifi.is_hidden else {}
    if wifi.psk is not None:
        point["password"] = wifi.psk
    radio = {
        "dhcp4": True,
        "optional": True,
        "regulatory-domain": wifi.country,
        "access-points": {wifi.ssid: point},
    }
    cable = {"dhcp4": True, "optional": True}
    ethernets, wifis = {"eth0": cable}, {"wlan0": radio}
    return _json({"network": {"version": 2, "ethernets": ethernets, "wifis": wifis}})


def _json(document: object) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=True).encode() + b"\n"


def cmdline(line: bytes, *more: str, without: tuple[str, ...] = ()) -> bytes:
    """The kernel's one line with `more` at its end, and without words that begin as `without`."""
    words = [word for word in line.decode("ascii", "replace").split() if word not in more]
    kept = [word for word in words if not word.startswith(without)] if without else words
    return " ".join([*kept, *more]).encode("ascii", "replace") + b"\n"


FIRSTRUN_WORDS = (
    "systemd.run=/boot/firmware/firstrun.sh",
    "systemd.run_success_action=reboot",
    "systemd.unit=kernel-command-line.target",
)


def firstrun(wanted: Wanted) -> bytes:
    """The script that Raspberry Pi OS Bookworm runs before its first real start, then restarts.

    Each step may be repeated: after a power cut in the middle it is run again as a whole, since the
    word in cmdline.txt that names it goes last.
    """
    mods = "/usr/lib/raspberrypi-sys-mods/imager_custom"
    q = shlex.quote
    ssh = "-k " + " ".join(map(q, wanted.ssh_keys)) if wanted.has_ssh else "-d"
    lines = [
        "#!/bin/sh",
        "# Written by flash-node: prepares this system, arms Camwatch's first start, and goes.",
        "set -u",
        "boot=/boot/firmware",
        'step() { "$@" || echo "firstrun: failed: $1 ${2:-}" >&2; }',
        f"step {mods} set_hostname {q(wanted.host)}",
        f"step /usr/lib/userconf-pi/userconf {q(wanted.user)} {q(wanted.password_hash or '')}",
        # enable_ssh adds keys to those that are there, and this may be the second run
        f'home="$(getent passwd {q(wanted.user)} | cut -d: -f6)"',
        'rm -f "${home:-/nonexistent}/.ssh/authorized_keys"',
        f"step {mods} enable_ssh {ssh}",
        f"step {mods} set_timezone {q(wanted.time_zone)}",
    ]
    if wanted.wifi is not None:
        hidden = "-h " if wanted.wifi.is_hidden else ""
        secret = q(wanted.wifi.psk or "")
        country = q(wanted.wifi.country)
        lines.append(f"step {mods} set_wlan {hidden}{q(wanted.wifi.ssid)} {secret} {country}")
    lines += [
        f"step sh {FOLDER}/arm",
        "sync",
        "sed 's/ systemd\\.[^ ]*//g' $boot/cmdline.txt >$boot/cmdline.new &&",
        "    sync && mv $boot/cmdline.new $boot/cmdline.txt && sync",
        'rm -f "$boot/firstrun.sh"',
        "sync",
        "exit 0",
    ]
    return "\n".join(lines).encode() + b"\n"
