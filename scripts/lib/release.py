"""Makes releases: a manifest over bundles, signed with the maker's key. See scripts/release."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from edge import keys  # noqa: E402
from edge.base.clock import utc_text  # noqa: E402
from edge.base.errors import CamwatchError  # noqa: E402
from edge.contract import release, releasefile  # noqa: E402
from edge.contract.release import Bundle, Release  # noqa: E402
from scripts.lib import bundle as bundles  # noqa: E402


class ReleaseError(CamwatchError):
    """A release cannot be made or is none."""


def keygen(path: Path) -> str:
    """Make a key in `path`, which must not exist; its public half. Raises CamwatchError."""
    if os.path.lexists(path):
        raise ReleaseError(f"{path} exists", hint="a key that is lost cannot be had again")
    return keys.load_or_make(path).public.text


def public(path: Path) -> str:
    """The public half of the key in `path`. Raises CamwatchError."""
    return _key(path).public.text


def sign(
    key_file: Path,
    paths: list[Path],
    to: Path,
    *,
    notes: str = "",
    node_from: str | None = None,
    hub_from: str | None = None,
) -> Path:
    """Check the bundles, sign them, write the release to `to`, a folder or a file; its path.

    Raises CamwatchError."""
    key = _key(key_file)
    found = {path: bundles.check(path) for path in paths}
    versions = {each.version for each in found.values()}
    if len(versions) != 1:
        raise ReleaseError(f"the bundles are of versions {', '.join(sorted(versions))}")
    (version,) = versions
    try:
        made = Release(
            camwatch_release=release.FORM, version=version,
            created_utc=datetime.now(UTC).replace(microsecond=0), node_from=node_from,
            hub_from=hub_from, notes=notes,
            bundles=tuple(
                Bundle(each.arch, each.pythons, path.stat().st_size, bundles.digest(path))
                for path, each in found.items()
            ),
        )  # fmt: skip
    except ValueError as err:
        raise ReleaseError(str(err)) from err
    manifest = release.encode(made)
    target = to if to.suffix == releasefile.SUFFIX else to / f"camwatch-{version}.release"
    target.parent.mkdir(parents=True, exist_ok=True)
    named = {release.bundle_name(version, each.arch): path for path, each in found.items()}
    releasefile.write(target, manifest, key.sign(release.signed_bytes(manifest)), named)
    return target


def show(path: Path, trusted: Path | None) -> list[str]:
    """What a release says of itself, and whether `trusted` signed it. Raises CamwatchError."""
    with releasefile.open_file(path) as opened:
        found = release.decode(opened.manifest)
        lines = [f"version  {found.version}", f"signed   {utc_text(found.created_utc)}"]
        lines += [
            f"bundle   {each.arch}, Python {' and '.join(each.pythons)}, "
            f"{each.size_bytes / 1e6:.0f} MB"
            for each in found.bundles
        ]
        lines += [f"from     {found.node_from} (nodes)"] if found.node_from else []
        lines += [f"needs    {found.hub_from} (hub)"] if found.hub_from else []
        lines += [f"notes    {found.notes}"] if found.notes else []
        if trusted is None:
            return [*lines, "signature not looked at: --trust maker.pub"]
        key = keys.PublicKey.from_text(trusted.read_text(encoding="ascii"))
        if not key.verify(release.signed_bytes(opened.manifest), opened.signature):
            raise ReleaseError(f"{path} is not signed by {trusted}")
        return [*lines, f"signature good, by {key.fingerprint}"]


def _key(path: Path) -> keys.PrivateKey:
    if not path.exists():
        raise ReleaseError(f"there is no key {path}", hint="make one: scripts/release keygen FILE")
    return keys.load_or_make(path)


def main() -> int:
    """The command line; see scripts/release."""
    parser = argparse.ArgumentParser(prog="release")
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("keygen", "public"):
        actions.add_parser(name).add_argument("key", type=Path)
    making = actions.add_parser("sign")
    making.add_argument("--key", type=Path, required=True)
    making.add_argument("--notes", default="", help="what is new, for people")
    making.add_argument("--node-from", metavar="VERSION", help="the oldest nodes that can take it")
    making.add_argument("--hub-from", metavar="VERSION", help="the oldest hub that can serve it")
    making.add_argument("--to", type=Path, default=ROOT / "var" / "releases")
    making.add_argument("bundles", type=Path, nargs="+", metavar="BUNDLE.tar")
    showing = actions.add_parser("show")
    showing.add_argument("file", type=Path)
    showing.add_argument("--trust", type=Path, metavar="FILE.pub")
    options = parser.parse_args()
    try:
        if options.action == "keygen":
            print(keygen(options.key))
        elif options.action == "public":
            print(public(options.key))
        elif options.action == "sign":
            print(sign(
                options.key, options.bundles, options.to, notes=options.notes,
                node_from=options.node_from, hub_from=options.hub_from,
            ))  # fmt: skip
        else:
            print("\n".join(show(options.file, options.trust)))
    except (CamwatchError, OSError) as err:
        print(f"release: {err}", file=sys.stderr)
        if hint := getattr(err, "hint", ""):
            print(f"  {hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
