"""Whether an order is one, and whether this node may carry it out. Pure.

The agent asks before it fetches, the installer asks again before it touches anything.
"""

from __future__ import annotations

import base64
import platform
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass

from edge.contract import release, update, version
from edge.contract.errors import ContractError
from edge.contract.release import Bundle, Release
from edge.keys import PublicKey
from edge.update.errors import RefusedError


@dataclass(frozen=True)
class Order:
    """What the hub wants; `release` is None where it takes an order back."""

    number: int
    release: Release | None
    may_be_older: bool


@dataclass(frozen=True)
class Machine:
    """What runs here now."""

    version: str
    arch: str
    python: str


def machine(running: str) -> Machine:
    """This machine, on which the version `running` runs."""
    return Machine(running, platform.machine(), sysconfig.get_python_version())


def read(
    payload: bytes,
    signature: bytes,
    *,
    node: str,
    hub_key: PublicKey,
    release_keys: Sequence[PublicKey],
) -> Order:
    """The order, with both signatures verified. Raises RefusedError."""
    if not hub_key.verify(payload, signature):
        raise RefusedError("order", "the hub's key did not sign the order")
    try:
        order = update.decode_order(payload)
    except ContractError as err:
        raise RefusedError("order", f"no order of the contract: {err}") from err
    if order.node != node:
        raise RefusedError("order", f"it is for {order.node}")
    if order.manifest is None or order.signature is None:
        return Order(order.number, None, order.may_be_older)
    manifest = order.manifest.encode()
    found = read_release(manifest, base64.b64decode(order.signature), release_keys)
    return Order(order.number, found, order.may_be_older)


def read_release(manifest: bytes, signature: bytes, keys: Sequence[PublicKey]) -> Release:
    """The release, if one of the keys signed it. Raises RefusedError."""
    if not keys:
        raise RefusedError(
            "signature", "this node has no release key",
            hint="put the maker's public key into /etc/camwatch/release-keys",
        )  # fmt: skip
    if not any(key.verify(release.signed_bytes(manifest), signature) for key in keys):
        raise RefusedError(
            "signature", "no release key of this node signed the release",
            hint="is it the right maker's? A new key has to be put onto the node first",
        )  # fmt: skip
    try:
        return release.decode(manifest)
    except ContractError as err:
        raise RefusedError("signature", f"the release's manifest cannot be read: {err}") from err


def check(found: Release, here: Machine, *, may_be_older: bool) -> Bundle:
    """The bundle for this machine. Raises RefusedError where the release is not for it."""
    wanted = found.version
    if version.is_older(wanted, here.version) and not may_be_older:
        raise RefusedError("older", f"{wanted} is older than {here.version}, which runs")
    if found.node_from is not None and version.is_older(here.version, found.node_from):
        raise RefusedError(
            "from", f"{wanted} cannot be reached from {here.version} in one step",
            hint=f"update to {found.node_from} first",
        )  # fmt: skip
    bundle = found.bundle_for(here.arch)
    if bundle is None:
        has = ", ".join(each.arch for each in found.bundles)
        raise RefusedError("arch", f"{wanted} is for {has}, this is {here.arch}")
    if here.python not in bundle.pythons:
        has = ", ".join(bundle.pythons)
        raise RefusedError("python", f"{wanted} is for Python {has}, this has {here.python}")
    return bundle
