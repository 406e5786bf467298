"""A card as a whole, made by the command: what lies on it, for each kind of image."""

from __future__ import annotations

import lzma
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.lib.flash import fat, table
from tests.scripts.flash import layouts
from tests.scripts.flash.layouts import BOOT_SIZE, BOOT_START, MIB, on_fat

KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl an.installer"
)
SECRETS = (layouts.TOKEN, layouts.CAMERA_PASSWORD, layouts.PASSPHRASE)


def boot_of(image: Path) -> int:
    """Where the partition starts that first boot reads."""
    with image.open("rb") as file:
        parts = table.read(file).partitions
    fats = [each.start for each in parts if each.content == "fat"]
    return max(fats) if len(parts) > 2 else fats[0]


def wifi(folder: Path) -> list[str | Path]:
    path = folder / "wifi.txt"
    path.write_text(f"{layouts.PASSPHRASE}\n")
    return ["--wifi-ssid", "To dan pho 5", "--wifi-country", "VN", "--wifi-password-file", path]


@pytest.fixture(params=list(layouts.KINDS))
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> layouts.Bench:
    """What a card of each kind is made of."""
    return layouts.bench(tmp_path, request.param)


def test_node_file_software_and_scripts_are_on_the_card(bench: layouts.Bench) -> None:
    """Whole, and where the first start looks; the image itself stays as it was."""
    before = bench.image.read_bytes()
    out = bench.folder / "out.img"
    done = bench.flash("--to", out)
    assert done.returncode == 0, done.stderr
    start = boot_of(out)
    assert on_fat(out, start, "/camwatch/gate-3.node") == bench.node.read_bytes()
    assert on_fat(out, start, f"/camwatch/{bench.bundle.name}") == bench.bundle.read_bytes()
    conf = on_fat(out, start, "/camwatch/card.conf").decode()
    assert "CARD_NODE=gate-3.node\n" in conf
    assert "CARD_SSH=off\n" in conf
    for name in ("arm", "first-boot", "camwatch-first-boot.service"):
        assert on_fat(out, start, f"/camwatch/{name}")
    assert bench.image.read_bytes() == before
    assert out.stat().st_mode & 0o077 == 0, "it holds a token"
    assert "found" in done.stderr


@pytest.mark.parametrize("has_release_key", [False, True])
def test_a_card_whose_node_can_never_be_updated_is_warned_of(
    tmp_path: Path, has_release_key: bool
) -> None:
    """Before anything is written; the card is made all the same."""
    bench = layouts.bench(tmp_path, "boot-seed")
    bench.bundle.unlink()
    shutil.rmtree(tmp_path / "camwatch-0.1.0-aarch64")
    layouts.small_bundle(tmp_path, "aarch64", has_release_key=has_release_key)
    done = bench.flash("--to", tmp_path / "out.img")
    assert done.returncode == 0, done.stderr
    assert ("can never be updated from the hub" in done.stderr) is not has_release_key
    if not has_release_key:
        assert done.stderr.index("warning: camwatch-") < done.stderr.index("== reading")


def test_nothing_but_the_boot_partition_is_changed(tmp_path: Path) -> None:
    """What lies before and behind the Pi's boot partition is the image's, bit for bit."""
    bench = layouts.bench(tmp_path, "firstrun")
    out = bench.folder / "out.img"
    assert bench.flash("--to", out).returncode == 0
    old, new = bench.image.read_bytes(), out.read_bytes()
    behind = BOOT_START + BOOT_SIZE
    assert new[:BOOT_START] == old[:BOOT_START]
    assert new[behind:] == old[behind:]


def test_no_secret_is_printed_or_passed_to_a_program(bench: layouts.Bench) -> None:
    """Not in what is printed, nor in any argument or environment of a child, seen by strace."""
    if not shutil.which("strace"):
        pytest.skip("no strace here: apt-get install strace")
    trace = bench.folder / "trace"
    has_wifi = bench.bundle.name.endswith("aarch64.tar")
    more = wifi(bench.folder) if has_wifi else []
    argv = ["strace", "-f", "-v", "-s", "4096", "-e", "trace=execve", "-o", str(trace)]
    command = [*argv, "python3", "-P", "-m", "scripts.lib.flash"]
    command += [str(each) for each in (*bench.options, "--to", bench.folder / "out.img", *more)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=bench.folder,
        env={"PATH": layouts.PATH, "PYTHONPATH": str(layouts.ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = trace.read_text() + done.stdout + done.stderr
    assert "mcopy" in seen
    psk = re.search(r"[0-9a-f]{64}", done.stdout + done.stderr)
    assert not [secret for secret in SECRETS if secret in seen]
    assert psk is None


def test_a_packed_image_gives_the_same_card(tmp_path: Path) -> None:
    """Unpacked as a stream; the ids that differ from card to card are not in this kind."""
    bench = layouts.bench(tmp_path, "firstrun")
    packed = bench.folder / "system.img.xz"
    packed.write_bytes(lzma.compress(bench.image.read_bytes(), preset=0))
    outs = []
    for image in (bench.image, packed):
        outs.append(bench.folder / f"{image.name}.out")
        done = layouts.flash(
            "--image", image, "--node", bench.node, "--bundle", bench.bundle, "--to", outs[-1],
            cwd=bench.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    names = ("cmdline.txt", "firstrun.sh", "camwatch/card.conf")
    assert all(on_fat(outs[0], BOOT_START, n) == on_fat(outs[1], BOOT_START, n) for n in names)
    behind = BOOT_START + BOOT_SIZE
    assert outs[0].read_bytes()[behind:] == outs[1].read_bytes()[behind:]


def test_bookworm_is_prepared_by_a_script_that_its_kernel_is_told_of(tmp_path: Path) -> None:
    """firstrun.sh sets names, user, key, zone and Wi-Fi by the image's own tools, then arms us."""
    bench = layouts.bench(tmp_path, "firstrun")
    key = bench.folder / "id.pub"
    key.write_text(f"{KEY}\n")
    out = bench.folder / "out.img"
    done = bench.flash(
        "--to", out, "--ssh-key", key, "--hostname", "cong-chinh", *wifi(bench.folder)
    )
    assert done.returncode == 0, done.stderr
    line = on_fat(out, BOOT_START, "cmdline.txt").decode()
    assert line.count("\n") == 1
    assert line.startswith(layouts.CMDLINE)
    assert "init=/usr/lib/raspberrypi-sys-mods/firstboot" in line, "it grows the root and must stay"
    assert "systemd.run=/boot/firmware/firstrun.sh systemd.run_success_action=reboot" in line
    assert "cfg80211.ieee80211_regdom=VN" in line
    script = on_fat(out, BOOT_START, "firstrun.sh").decode()
    assert "set_hostname cong-chinh" in script
    assert f"enable_ssh -k '{KEY}'" in script
    assert "set_timezone Asia/Ho_Chi_Minh" in script
    assert re.search(r"set_wlan 'To dan pho 5' [0-9a-f]{64} VN\n", script)
    assert layouts.PASSPHRASE not in script
    layouts.run("sh", "-n", "-", given=script.encode())
    card = on_fat(out, BOOT_START, "camwatch/card.conf")
    assert b"CARD_SSH=on\n" in card


def test_what_an_imager_left_in_cmdline_txt_is_replaced(tmp_path: Path) -> None:
    """An instance id there outranks meta-data, so the second flash would do nothing."""
    layout = layouts.raspios_trixie()
    layout.boot_files["cmdline.txt"] = (
        f"{layouts.CMDLINE} resize cfg80211.ieee80211_regdom=GB ds=nocloud;i=rpi-imager-1\n"
    )
    bench = layouts.bench(tmp_path, "boot-seed", layout)
    out = bench.folder / "out.img"
    assert bench.flash("--to", out, *wifi(bench.folder)).returncode == 0
    words = on_fat(out, BOOT_START, "cmdline.txt").decode().split()
    instance = layouts.as_json(on_fat(out, BOOT_START, "meta-data"))["instance-id"]
    assert [word for word in words if word.startswith("ds=")] == [f"ds=nocloud;i={instance}"]
    assert [word for word in words if "regdom" in word] == ["cfg80211.ieee80211_regdom=VN"]
    assert "resize" in words


@pytest.mark.parametrize("kind", ["boot-seed", "cidata"])
def test_cloud_init_takes_what_is_written_for_it(tmp_path: Path, kind: str) -> None:
    """By its own schema; user, key, names and zone are there, and the unit is armed each start."""
    bench = layouts.bench(tmp_path, kind)
    key = bench.folder / "id.pub"
    key.write_text(f"# mine\n{KEY}\n")
    out = bench.folder / "out.img"
    more = wifi(bench.folder) if kind == "boot-seed" else []
    done = bench.flash("--to", out, "--ssh-key", key, "--user", "lap", *more)
    assert done.returncode == 0, done.stderr
    start = boot_of(out)
    text = on_fat(out, start, "user-data")
    assert text.startswith(b"#cloud-config\n")
    document = layouts.as_json(text)
    (user,) = document["users"]
    assert (user["name"], user["lock_passwd"]) == ("lap", True)
    assert user["ssh_authorized_keys"] == [KEY]
    assert document["timezone"] == "Asia/Ho_Chi_Minh"
    assert document["hostname"] == "gate-3"
    assert document["ssh_pwauth"] is False
    (command,) = document["bootcmd"]
    layouts.run(*command[:1], "-n", "-c", command[2])
    if kind == "boot-seed":
        network = layouts.as_json(on_fat(out, start, "network-config"))["network"]
        point = network["wifis"]["wlan0"]["access-points"]["To dan pho 5"]
        assert re.fullmatch(r"[0-9a-f]{64}", point["password"])
    if not shutil.which("cloud-init"):
        pytest.skip(
            "no cloud-init here to ask for its schema; installed, it would act at each start"
        )
    path = bench.folder / "user-data"
    path.write_bytes(text)
    assert b"Valid" in layouts.run("cloud-init", "schema", "--config-file", path)


@pytest.mark.parametrize("scheme", ["gpt", "dos"])
@pytest.mark.parametrize("size", [None, "256M"])
def test_debian_gets_a_partition_at_the_end_of_the_disk(
    tmp_path: Path, scheme: str, size: str | None
) -> None:
    """So that its root can still grow; sfdisk finds nothing wrong with the table."""
    layout = layouts.debian_cloud()
    layout.scheme = scheme
    bench = layouts.bench(tmp_path, "cidata", layout)
    out = bench.folder / "out.img"
    done = bench.flash("--to", out, *(("--size", size) if size else ()))
    assert done.returncode == 0, done.stderr
    assert b"No errors detected" in layouts.run("sfdisk", "--verify", out)
    dump = layouts.run("sfdisk", "--dump", out).decode()
    starts = [int(each) for each in re.findall(r"start= *(\d+)", dump)]
    assert len(starts) == (4 if scheme == "gpt" else 3)
    if size:
        assert out.stat().st_size == 256 * MIB
        assert max(starts) * 512 > 150 * MIB
    layouts.run("fsck.vfat", "-n", carve(out, max(starts) * 512))
    label = layouts.run(
        "blkid", "-p", "-s", "LABEL", "-o", "value", "-O", str(max(starts) * 512), out
    )
    assert label.strip() == b"CIDATA"
    with out.open("rb") as new, bench.image.open("rb") as old:
        new.seek(BOOT_START)
        old.seek(BOOT_START)
        length = BOOT_SIZE + layouts.ROOT_SIZE
        assert new.read(length) == old.read(length)


@pytest.mark.parametrize("size", [1, 40, 120, 300])
def test_the_added_partition_is_fat32_for_every_program(tmp_path: Path, size: int) -> None:
    """By its number of clusters too, which is what Linux and mtools go by."""
    image = tmp_path / "image"
    layouts.debian_cloud().make(image)
    disk_size = table.disk_size_for(image.stat().st_size, size * MIB)
    part = table.append(image, size * MIB, "CIDATA", disk_size)
    made = fat.make(image, part.start, part.size, "CIDATA")
    made.make_folder("/camwatch")
    made.write("/camwatch/card.conf", b"x")
    assert made.free_bytes() > size * MIB * 0.9
    layouts.run("fsck.vfat", "-n", carve(image, part.start))


def carve(image: Path, start: int) -> Path:
    """The rest of the image from there."""
    part = image.with_suffix(".part")
    with image.open("rb") as file:
        file.seek(start)
        part.write_bytes(file.read())
    return part


def test_a_boot_partition_without_room_is_refused(tmp_path: Path) -> None:
    """With both numbers, before the card is touched; no half-made file stays."""
    bench = layouts.bench(tmp_path, "firstrun")
    big = layouts.small_bundle(bench.folder / "big", "aarch64", 40 * MIB)
    out = bench.folder / "out.img"
    done = bench.flash("--to", out, "--bundle", big)
    assert done.returncode == 1
    assert re.search(r"boot partition has \d+ MiB free, 5\d are needed", done.stderr)
    assert not out.exists()
    assert not [path for path in bench.folder.iterdir() if path.name.startswith(".flash")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--bundle", "x86_64"], "is for x86_64, the image for aarch64"),
        (["--bundle", "/nowhere.tar"], "there is no file /nowhere.tar"),
        (["--node", "/nowhere.node"], "cannot read the node file"),
        (["--hostname", "Cổng"], "--hostname"),
        (["--user", "root"], "--user"),
        (["--time-zone", "Asia/Nowhere"], "there is no zone"),
        (["--wifi-ssid", "x"], "--wifi-country is needed"),
        (["--wifi-ssid", "x", "--wifi-country", "VN"], "--wifi-password-file is needed"),
        (["--wifi-hidden"], "--wifi-ssid is needed"),
        (["--size", "big"], "is not a size"),
    ],
)
def test_what_cannot_be_is_told_with_exit_status_78(
    tmp_path: Path, change: list[str], told: str
) -> None:
    """And nothing is written."""
    bench = layouts.bench(tmp_path, "firstrun")
    if change[-1] == "x86_64":
        change = ["--bundle", str(layouts.small_bundle(bench.folder / "other", "x86_64"))]
    out = bench.folder / "out.img"
    done = bench.flash("--to", out, *change)
    assert (done.returncode, told in done.stderr) == (78, True), done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        (["--size", "big"], 78, "--size: 'big'"),
        (["--bundle", "nowhere.tar"], 78, "there is no file nowhere.tar"),
        (["--bundle", "my bundle.tar"], 78, "characters that the card's scripts do not take"),
        (["--bundle", "cut.tar"], 78, "cut.tar is not a whole bundle"),
        (["--image-sha256", "abc"], 78, "--image-sha256: 'abc' is not a SHA-256"),
        (["--image", "nowhere.img"], 1, "--image: cannot read nowhere.img"),
        (["--image", "packed.img.zip"], 1, "is a ZIP archive"),
        (["--ssh-key", "nowhere.pub"], 78, "--ssh-key: cannot read"),
        (["--to", "nowhere/out.img"], 1, "there is no folder nowhere"),
        (["--to", "/dev/nowhere"], 1, "lsblk lists the disks"),
    ],
)
def test_every_argument_is_looked_at_before_the_image_is_unpacked(
    tmp_path: Path, change: list[str], status: int, told: str
) -> None:
    """That takes minutes; nor is a password asked for before, which nobody here could give."""
    bench = layouts.bench(tmp_path, "firstrun")
    shutil.copy(bench.bundle, bench.folder / "my bundle.tar")
    (bench.folder / "cut.tar").write_bytes(bench.bundle.read_bytes()[: MIB // 2])
    (bench.folder / "packed.img.zip").write_bytes(b"PK\x03\x04" + bytes(64))
    asks = [] if change[-1] == "cut.tar" else ["--wifi-ssid", "x", "--wifi-country", "VN"]
    done = bench.flash("--to", bench.folder / "out.img", *asks, *change)
    assert (done.returncode, told in done.stderr) == (status, True), done.stderr
    assert "reading" not in done.stderr
    assert "--wifi-password-file" not in done.stderr


def test_a_hash_beside_the_image_that_is_none_is_told_before_it_is_unpacked(
    tmp_path: Path,
) -> None:
    """As a download page that was saved in its place."""
    bench = layouts.bench(tmp_path, "firstrun")
    (bench.folder / "system.img.sha256").write_text("<html>")
    done = bench.flash("--to", bench.folder / "out.img")
    assert (done.returncode, "holds no SHA-256" in done.stderr) == (1, True), done.stderr
    assert "reading" not in done.stderr


def test_wifi_is_refused_where_the_system_has_none(tmp_path: Path) -> None:
    """Debian's cloud images have no wpa_supplicant; the box would be deaf on site."""
    bench = layouts.bench(tmp_path, "cidata")
    done = bench.flash("--to", bench.folder / "out.img", *wifi(bench.folder))
    assert done.returncode == 78
    assert "no wpa_supplicant" in done.stderr


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """In a line, without a traceback."""
    bench = layouts.bench(tmp_path, "firstrun")
    done = bench.flash("--to", tmp_path / "nowhere" / "out.img")
    assert done.returncode == 1
    assert f"there is no folder {tmp_path / 'nowhere'}" in done.stderr
    tmp_path.joinpath("gate-3.node").rename(tmp_path / "gate-3 (1).node")
    out = tmp_path / "out.img"
    done = bench.flash("--to", out, "--node", tmp_path / "gate-3 (1).node")
    assert done.returncode == 0, done.stderr
    assert on_fat(out, BOOT_START, "/camwatch/gate-3.node")


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    """Where nobody can confirm it, and never the image itself."""
    bench = layouts.bench(tmp_path, "firstrun")
    out = bench.folder / "out.img"
    out.write_text("precious")
    options = [each for each in bench.options if each != "--yes"]
    done = layouts.flash(*options, "--to", out, cwd=bench.folder)
    assert done.returncode == 1
    assert "nobody is here to confirm it" in done.stderr
    assert out.read_text() == "precious"
    done = bench.flash("--to", bench.image)
    assert "--to is the image itself" in done.stderr
    done = bench.flash("--to", "/dev/sd-that-is-not-there")
    assert "there is no /dev/sd-that-is-not-there" in done.stderr


@pytest.mark.parametrize(("typed", "is_replaced"), [("out.img", True), ("y", False), ("", False)])
def test_the_name_has_to_be_typed(tmp_path: Path, typed: str, is_replaced: bool) -> None:
    """On a terminal: a habit of pressing y or Enter confirms nothing."""
    bench = layouts.bench(tmp_path, "firstrun")
    out = bench.folder / "out.img"
    out.write_text("precious")
    near, far = pty.openpty()
    argv = [
        sys.executable,
        "-P",
        "-m",
        "scripts.lib.flash",
        *map(str, bench.options),
        "--to",
        str(out),
    ]
    argv.remove("--yes")
    with subprocess.Popen(
        argv, stdin=far, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=bench.folder,
        env=os.environ | {"PYTHONPATH": str(layouts.ROOT)},
    ) as child:  # fmt: skip
        os.write(near, f"{typed}\n".encode())
        _, errors = child.communicate()
    for each in (near, far):
        os.close(each)
    assert b"Type out.img to go on" in errors
    assert (child.returncode == 0) is is_replaced, errors.decode()
    assert (out.read_bytes()[:8] != b"precious") is is_replaced
