"""Certificates from elsewhere: tried as nodes would before anything is changed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.base import crashpoint
from hub.authority import authority, certificates, files, given, names
from hub.authority.errors import AuthorityError
from hub.authority.files import Places
from hub.authority.given import Given
from tests.harness.credentials import Authority
from tests.hub.authority.greeting import greet

NOW = datetime.now(UTC)
LOCAL = names.parse(["localhost"], ["127.0.0.1"])


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Where nothing is yet."""
    return Places(tmp_path / "ca", tmp_path / "public")


@pytest.fixture
def bought(tmp_path: Path) -> Given:
    """By another authority, for the loopback."""
    made = Authority(tmp_path / "other")
    return Given(made.cert_file, made.key_file, made.ca_file)


def test_they_are_served_and_never_renewed_here(places: Places, bought: Given) -> None:
    """Also where an authority of our own was before; again, nothing changes."""
    authority.make(places, names.parse(["hub.test"], []), NOW)
    authority.reloaded(places)
    assert given.use(places, bought, LOCAL)
    assert authority.is_reload_due(places)
    for use in files.USES:
        assert greet(places.public, use, "localhost")
        assert places.key(use).stat().st_mode & 0o007 == 0
    assert given.use(places, bought, LOCAL) == []
    assert authority.renew(places, NOW + 10 * certificates.LIFE) == []


@pytest.mark.parametrize("had_own", [False, True])
def test_an_own_authority_takes_their_place_only_when_asked(
    places: Places, bought: Given, *, had_own: bool
) -> None:
    """Nodes trust who made them: it is an error with a remedy, and no byte changes."""
    if had_own:
        authority.make(places, LOCAL, NOW)
    given.use(places, bought, LOCAL)
    before = {path: path.read_bytes() for path in places.public.iterdir()}
    for attempt in (authority.make, authority.prepare_successor):
        with pytest.raises(AuthorityError, match="not made by this hub's authority") as caught:
            attempt(places, LOCAL, NOW)
        assert "--own" in caught.value.hint
    assert {path: path.read_bytes() for path in places.public.iterdir()} == before
    assert authority.make(places, LOCAL, NOW, is_own=True)
    for use in files.USES:
        assert greet(places.public, use, "localhost")
    assert authority.make(places, LOCAL, NOW) == []


def test_an_own_authority_whose_names_were_lost_goes_on(places: Places) -> None:
    """Its certificates are its own, whatever else is missing."""
    authority.make(places, LOCAL, NOW)
    places.names.unlink()
    assert authority.make(places, LOCAL, NOW) == []


def _cut_at(step: int, places: Places, bought: Given) -> bool:
    """Run `given.use` in a process that is killed at its `step`th durable step; whether it was."""

    def run() -> None:
        left = step

        def at(step: str, path: Path | None = None) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        crashpoint.at = at
        given.use(places, bought, LOCAL)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_cut_at_any_step_broker_and_hub_serve_with_whole_pairs(
    places: Places, bought: Given, tmp_path: Path
) -> None:
    """After the next renewal by the own authority's, or by what was given; again, by the latter."""
    step, is_cut = 0, True
    while is_cut:
        here = Places(tmp_path / f"ca-{step}", tmp_path / f"public-{step}")
        authority.make(here, LOCAL, NOW)
        is_cut = _cut_at(step, here, bought)
        authority.renew(here, NOW)
        for use in files.USES:
            assert greet(here.public, use, "localhost"), step
        given.use(here, bought, LOCAL)
        for use in files.USES:
            assert here.certificate(use).read_bytes() == bought.certificate.read_bytes()
            assert greet(here.public, use, "localhost"), step
        step += 1
    assert step > 3 * 2 * len(files.USES)


def test_what_nodes_would_refuse_is_refused(places: Places, bought: Given, tmp_path: Path) -> None:
    """A name that is not in it, the wrong authority, an end in the past; nothing is written."""
    ended = Authority(tmp_path / "ended", server_days=-1)
    other = Authority(tmp_path / "another")
    for files_, wanted, said in (
        (bought, names.parse(["hub.example.org"], []), "for hub.example.org: Hostname mismatch"),
        (Given(bought.certificate, bought.key, other.ca_file), LOCAL, "local issuer|signature"),
        (Given(ended.cert_file, ended.key_file, ended.ca_file), LOCAL, "expired"),
        (Given(bought.certificate, other.key_file, bought.authority), LOCAL, "cannot be used"),
        (Given(bought.certificate, bought.key, bought.key), LOCAL, "no certificate to trust"),
    ):  # fmt: skip
        with pytest.raises(AuthorityError, match=said) as caught:
            given.use(places, files_, wanted)
        assert "PRIVATE" not in str(caught.value)
    assert not places.public.exists()


def test_a_key_with_a_password_is_refused_without_asking_for_it(
    places: Places, bought: Given, tmp_path: Path
) -> None:
    """OpenSSL would ask on the terminal, and a timer has none."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(bought.key.read_bytes(), password=None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(AuthorityError, match="cannot be used"):
        given.use(places, Given(bought.certificate, locked, bought.authority), LOCAL)
