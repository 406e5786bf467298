"""The command `flash-node`: looks, asks, prepares, writes, verifies."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from edge.base.errors import EX_CONFIG, CamwatchError
from scripts.lib.bundle import NO_RELEASE_KEY
from scripts.lib.flash import card, disk, image, unpack, wanted, write
from scripts.lib.flash.errors import DiskError, FlashError, ImageError, WantedError

ROOT = Path(__file__).parents[3]
BUNDLES = ROOT / "var" / "bundles"
SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
MIB = 1 << 20


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="flash-node",
        description="Prepares a card that makes a Raspberry Pi or a PC a camera node by itself.",
    )
    add = made.add_argument
    add("--image", type=Path, required=True, metavar="FILE", help="raw image, .img or .img.xz")
    add("--image-sha256", metavar="HEX", help="of that file; else IMAGE.sha256 beside it is used")
    add("--node", type=Path, required=True, metavar="FILE", help="node file from the hub")
    add("--to", type=Path, required=True, metavar="DISK|FILE", help="such as /dev/sdX or out.img")
    add("--bundle", type=Path, metavar="FILE", help="from scripts/bundle; else that in var/bundles")
    add("--hostname", help="default: the node's name")
    add("--user", default="camwatch", help="who may log in; default: %(default)s")
    add(
        "--user-password-file",
        type=Path,
        metavar="FILE",
        help="for the screen; default: no password",
    )
    add("--ssh-key", default="none", metavar="FILE|none", help="public keys; default: none, no SSH")
    add("--time-zone", help="default: the node file's, else UTC")
    add("--wifi-ssid", metavar="NAME", help="asks for the password unless a file is named")
    add("--wifi-password-file", type=Path, metavar="FILE")
    add("--wifi-open", action="store_true", help="the network has no password")
    add("--wifi-hidden", action="store_true", help="the network does not say its name")
    add("--wifi-country", metavar="XX", help="such as VN; needed for Wi-Fi")
    add("--size", help="of an image file, such as 8G, so that its system can grow")
    add("--work-dir", type=Path, default=Path("/var/tmp"), help="for the unpacked image: 3 GB")  # noqa: S108 - world-writable; only fresh folders of mode 0700 are used
    add("--built-in", action="store_true", help="allow a disk that is no card or USB disk")
    add("--yes", action="store_true", help="ask nothing: only where the disk cannot be another")
    return made


@dataclass
class Progress:
    """One line that is written over on a terminal; elsewhere a line per fifth."""

    what: str = ""
    _began_mono_s: float = 0.0
    _shown: int = -1

    def tell(self, what: str, done: int, total: int) -> None:
        """`done` of `total` bytes; 0 is not known."""
        if what != self.what:
            self.end()
            self.what, self._began_mono_s, self._shown = what, time.monotonic(), -1
        percent = 100 * done // total if total else 0
        step = percent if sys.stderr.isatty() else percent // 20 * 20
        if step == self._shown:
            return
        self._shown = step
        passed_s = max(time.monotonic() - self._began_mono_s, 0.001)
        line = f"   {what}: {step:3d} %, {done / 1e6 / passed_s:.0f} MB/s"
        print(f"\r{line}   " if sys.stderr.isatty() else line, end="", file=sys.stderr, flush=True)
        if not sys.stderr.isatty():
            print(file=sys.stderr)

    def end(self) -> None:
        """The line is left standing."""
        if self.what and sys.stderr.isatty():
            print(file=sys.stderr)
        self.what = ""


def say(text: str) -> None:
    """One line for the installer."""
    print(f"== {text}", file=sys.stderr)


def ask_for(options: argparse.Namespace) -> wanted.Wanted:
    """All that shall be on the card, checked. Raises WantedError."""
    now = wanted.now_utc()
    node = wanted.read_node_file(options.node, now)
    if wanted.is_ending_soon(node, now):
        say(f"note: the token ends at {node.expires_utc:%Y-%m-%d %H:%M} UTC; start the box before")
    host = options.hostname or node.node
    time_zone = options.time_zone or node.time_zone or "UTC"
    wanted.check_names(host, options.user, time_zone)
    keys = wanted.ssh_keys(options.ssh_key)
    secret_file = options.user_password_file
    password_hash = wanted.password_hash(secret_file) if secret_file else None
    wifi = None
    if options.wifi_ssid is not None:
        wifi = wanted.wifi(
            options.wifi_ssid, options.wifi_country, options.wifi_password_file,
            is_open=options.wifi_open, is_hidden=options.wifi_hidden,
        )  # fmt: skip
    elif options.wifi_password_file or options.wifi_open or options.wifi_hidden:
        raise WantedError("--wifi-ssid is needed with the other words on Wi-Fi")
    return wanted.Wanted(
        options.node, node, host, options.user, password_hash, keys, time_zone, wifi
    )


def size_of(text: str | None) -> int:
    """Bytes of such as 8G; 0 where none is wanted. Raises WantedError."""
    if text is None:
        return 0
    found = re.fullmatch(r"(\d+)([KMG]?)", text)
    if not found:
        raise WantedError(f"--size: {text!r} is not a size such as 8G")
    return int(found[1]) * SIZES[found[2]]


def open_bundle(given: Path | None) -> card.Bundle | None:
    """The bundle named, checked; None where the image's processor is to choose one of those made.
    Raises WantedError where there is none."""
    if given is not None:
        return _opened(given)
    if not any(BUNDLES.glob("camwatch-*.tar")):
        raise _no_bundle(None)
    return None


def newest_bundle(found: image.Image) -> card.Bundle:
    """That made last for the image's processor. Raises WantedError."""
    made = sorted(
        BUNDLES.glob(f"camwatch-*-{found.arch}.tar"), key=lambda path: path.stat().st_mtime
    )
    if not made:
        raise _no_bundle(found.arch)
    return _opened(made[-1])


def _opened(path: Path) -> card.Bundle:
    bundle = card.open_bundle(path)
    if not bundle.manifest.has_release_key:
        say(f"warning: {path.name}: {NO_RELEASE_KEY}")
    return bundle


def _no_bundle(arch: str | None) -> WantedError:
    return WantedError(
        f"there is no bundle{f' for {arch}' if arch else ''} in {BUNDLES}",
        hint=f"scripts/bundle --arch {arch or 'aarch64'} makes one (once, with internet)",
    )


def is_device(path: Path) -> bool:
    """Whether the target is a device and not a file to make."""
    return path.exists() and not stat.S_ISREG(path.stat().st_mode)


def check_file_target(options: argparse.Namespace) -> None:
    """Raises DiskError unless the file may be made."""
    to: Path = options.to
    if str(to).startswith("/dev/"):
        raise DiskError(f"there is no {to}", hint="lsblk lists the disks; is the card in?")
    if not to.parent.is_dir():
        raise DiskError(f"there is no folder {to.parent}")
    if to.exists() and to.samefile(options.image):
        raise DiskError("--to is the image itself", hint="give another name")


def confirm(question: str, word: str, *, is_yes: bool) -> None:
    """Raises DiskError unless `word` is typed."""
    print(f"\n{question}", file=sys.stderr)
    if is_yes:
        return
    if not sys.stdin.isatty():
        raise DiskError("nobody is here to confirm it", hint="run it on a terminal, or add --yes")
    print(f"Type {word} to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != word:
        raise DiskError("not confirmed; nothing was written")


def show_content(target: disk.Disk) -> None:
    """What is on the disk now, as lsblk sees it."""
    if shutil.which("lsblk"):
        columns = "NAME,SIZE,FSTYPE,LABEL,MODEL"
        subprocess.run(["lsblk", "-o", columns, str(target.path)], stdout=sys.stderr, check=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed, 2 wrong usage, 78 the node file or an option is wrong."""
    options = parser().parse_args(arguments)
    for each in (signal.SIGTERM, signal.SIGHUP):  # the work file holds secrets: remove it
        signal.signal(each, _interrupt)
    os.umask(0o077)
    progress = Progress()
    try:
        flash(options, progress)
    except CamwatchError as err:
        progress.end()
        print(f"flash-node: {err}", file=sys.stderr)
        if err.hint:
            print(f"  {err.hint}", file=sys.stderr)
        return EX_CONFIG if isinstance(err, WantedError) else 1
    except OSError as err:
        progress.end()
        print(f"flash-node: {err.filename or options.to}: {err.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        progress.end()
        print(
            "flash-node: stopped; a card that was begun is not ready, begin again",
            file=sys.stderr,
        )
        return 130
    return 0


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def flash(options: argparse.Namespace, progress: Progress) -> None:
    """Everything: the arguments, those first that are looked at quickest, before the image is
    unpacked, which takes minutes. Raises FlashError."""
    size_of(options.size)
    if options.bundle is not None:
        card.check_name(options.bundle)
    unpack.check(options.image, options.image_sha256)
    system = disk.System()
    target = None
    if is_device(options.to):
        target = system.look(options.to)
        disk.check_free(system, target, 0, may_be_built_in=options.built_in)
        if not options.work_dir.is_dir():
            raise WantedError(f"--work-dir: there is no folder {options.work_dir}")
    else:
        check_file_target(options)
    want = ask_for(options)
    bundle = open_bundle(options.bundle)
    if target is not None:
        show_content(target)
        confirm(f"All that is on {target.words} will be lost.", target.name, is_yes=options.yes)
    elif options.to.exists():
        confirm(f"{options.to} exists and would be replaced.", options.to.name, is_yes=options.yes)
    place = options.to.parent if target is None else options.work_dir
    with tempfile.TemporaryDirectory(prefix=".flash-node-", dir=place) as folder:
        work = Path(folder) / "image"
        found, part_start = _prepare(options, want, bundle, target, work, progress)
        if target is None:
            _sync(work)
            work.chmod(0o600)
            work.replace(options.to)
            _sync(options.to.parent)
        else:
            _write_disk(system, target, found, work, part_start, progress)
    name = want.node.node
    where = "the card" if target else str(options.to)
    say(
        f"{where} is ready: {name} installs itself and enrols at {want.node.hub.url} when it starts"
    )
    say(f"it holds the node's token: keep it like a key until {name} shows at the hub")


def _prepare(
    options: argparse.Namespace,
    want: wanted.Wanted,
    bundle: card.Bundle | None,
    target: disk.Disk | None,
    work: Path,
    progress: Progress,
) -> tuple[image.Image, int | None]:
    """The image, prepared in `work`, and where an added partition starts."""
    say(f"reading {options.image.name}")
    size = unpack.unpack(
        options.image, work, lambda done, total: progress.tell("unpacking", done, total),
        sha256=options.image_sha256,
    )  # fmt: skip
    progress.end()
    try:
        found = image.detect(work, size)
    except ImageError as err:
        raise ImageError(f"{options.image.name}: {err}", hint=err.hint) from err
    say(f"found {found.words}")
    card.check_fits(found, want)
    bundle = bundle or newest_bundle(found)
    card.check_suits(bundle, found)
    needed = card.disk_size_needed(found, bundle)
    if target is not None:
        disk.check_free(disk.System(), target, needed, may_be_built_in=options.built_in)
        disk_size = target.size
    else:
        disk_size = max(needed, size_of(options.size))
    part = card.prepare(work, found, want, bundle, disk_size, say)
    if target is None and found.first_boot != "cidata":
        os.truncate(work, disk_size)
    return found, part.start if found.first_boot == "cidata" else None


def _write_disk(
    system: disk.System,
    target: disk.Disk,
    found: image.Image,
    work: Path,
    part_start: int | None,
    progress: Progress,
) -> None:
    disk.check_same(system, target)
    fd = disk.open_exclusive(target)
    try:
        boot_end = found.boot.end if found.boot is not None else 0
        ranges = write.plan(found.size, target.size, boot_end, part_start)
        write.write(work, fd, target.size, ranges, progress.tell)
    finally:
        os.close(fd)
        progress.end()
    say("written and verified; it may be taken out")


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as err:
        raise FlashError(f"cannot flush {path}: {err.strerror}") from err
    finally:
        os.close(fd)
