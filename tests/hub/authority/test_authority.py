"""The hub's own authority: what it issues is taken by strict clients, and renewed in time."""

from __future__ import annotations

import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from edge.base import durable
from hub.authority import authority, certificates, files, names, present
from hub.authority.errors import AuthorityError
from hub.authority.files import Places
from tests.hub.authority.greeting import greet

NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = names.parse(["hub.example.org"], ["192.0.2.1", "192.168.1.5", "2001:db8::1"])
DAY = timedelta(days=1)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """With an authority and its certificates."""
    made = Places(tmp_path / "ca", tmp_path / "public")
    authority.make(made, NAMES, NOW)
    return made


def certificate(places: Places, use: certificates.Use) -> x509.Certificate:
    found = files.read_certificate(places.certificate(use))
    assert found is not None
    return found


@pytest.mark.parametrize("use", ["broker", "hub"])
@pytest.mark.parametrize("name", NAMES.all)
def test_a_strict_client_takes_the_certificate_for_each_name(
    places: Places, use: str, name: str
) -> None:
    """By OpenSSL with all checks of RFC 5280."""
    assert greet(places.public, use, name) == "TLSv1.3"


def test_no_client_takes_it_for_another_name(places: Places) -> None:
    """The test above can fail."""
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        greet(places.public, "hub", "other.example.org")


def test_the_authority_cannot_vouch_for_what_is_not_this_hub(places: Places) -> None:
    """Even who has its key can issue nothing for a bank: clients refuse by its constraints."""
    pair = files.read_pair(places.authority)
    assert pair is not None
    for other in (names.parse(["bank.example"], []), names.parse([], ["203.0.113.9"])):
        assert not certificates.is_allowed(pair.certificate, other)
        key = certificates.new_key()
        forged = certificates.issue(pair, other, key, "hub", NOW)
        places.certificate("hub").write_bytes(files.pem([forged]))
        places.key("hub").write_bytes(files.key_pem(key))
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
            greet(places.public, "hub", other.first)


def test_a_node_whose_clock_was_never_set_takes_the_broker_for_valid(places: Places) -> None:
    """Its clock begins at the date of its image, Debian 12's at the earliest."""
    bookworm = datetime(2023, 6, 10, tzinfo=UTC)
    assert certificate(places, "broker").not_valid_before_utc < bookworm
    ca = files.read_certificate(places.trusted)
    assert ca is not None and ca.not_valid_before_utc < bookworm


def test_browsers_of_apple_take_the_hubs_certificate(places: Places) -> None:
    """They refuse more than 825 days in all."""
    found = certificate(places, "hub")
    assert found.not_valid_after_utc - found.not_valid_before_utc <= timedelta(days=825)
    assert found.not_valid_before_utc < NOW - timedelta(days=365)


def test_making_it_again_changes_nothing(places: Places) -> None:
    """Nodes have its certificate: it must stay what it is."""
    before = {path: path.read_bytes() for path in places.public.iterdir()}
    assert authority.make(places, NAMES, NOW + DAY) == []
    assert {path: path.read_bytes() for path in places.public.iterdir()} == before


def test_certificates_are_renewed_when_a_third_is_left_and_not_before(places: Places) -> None:
    """With the same key, by the same authority, so that nodes notice nothing."""
    authority.reloaded(places)
    keys = [places.key(use).read_bytes() for use in files.USES]
    ca = places.trusted.read_bytes()
    early = NOW + certificates.LIFE - certificates.RENEW_LEFT - DAY
    assert authority.renew(places, early) == []
    assert not authority.is_reload_due(places)
    assert len(authority.renew(places, early + 2 * DAY)) == len(files.USES)
    assert authority.is_reload_due(places)
    assert [places.key(use).read_bytes() for use in files.USES] == keys
    assert places.trusted.read_bytes() == ca
    for use in files.USES:
        assert certificate(places, use).not_valid_after_utc == early + 2 * DAY + certificates.LIFE
        assert greet(places.public, use, NAMES.first)


def test_another_name_within_its_rights_gives_new_certificates(places: Places) -> None:
    """Such as a new private address; one outside needs a successor, and the error says so."""
    moved = names.parse(["hub.example.org", "hub.lan"], ["10.1.2.3"])
    assert len(authority.make(places, moved, NOW)) == len(files.USES)
    assert greet(places.public, "broker", "hub.lan") and greet(places.public, "hub", "10.1.2.3")
    with pytest.raises(AuthorityError, match=r"may not speak for elsewhere\.example$") as caught:
        authority.make(places, names.parse(["elsewhere.example"], []), NOW)
    assert "ca next" in caught.value.hint
    assert greet(places.public, "hub", "hub.lan"), "and nothing has changed"


def test_names_of_before_stay_until_they_are_dropped(places: Places) -> None:
    """Whoever adds one cannot shut out the nodes that call the hub by another."""
    before = NAMES.all
    authority.make(places, names.parse([], ["192.168.7.7"]), NOW)
    assert certificates.names_of(certificate(places, "broker")).all == [*before, "192.168.7.7"]
    assert authority.make(places, names.parse(["hub.example.org"], []), NOW) == []
    dropped = names.parse_mixed(["192.0.2.1", "192.168.1.5", "2001:db8::1"])
    authority.make(places, names.Names(), NOW, dropped=dropped)
    assert certificates.names_of(certificate(places, "hub")).all == [
        "hub.example.org", "192.168.7.7",
    ]  # fmt: skip
    with pytest.raises(AuthorityError, match="needs a name"):
        authority.make(
            places, names.Names(), NOW, dropped=certificates.names_of(certificate(places, "hub"))
        )


def test_names_of_before_are_known_where_their_file_is_damaged(places: Places) -> None:
    """By the certificates themselves."""
    places.names.write_bytes(b"rubbish")
    assert authority.make(places, names.parse(["hub.example.org"], []), NOW) == []
    assert files.read_names(places) == NAMES


def test_a_name_that_nodes_are_told_is_not_left_out(places: Places) -> None:
    """Dropped or never there: it is an error with a remedy, and nothing changes."""
    told = names.parse_mixed(["hub.example.org", "[2001:DB8::1]"])
    assert authority.make(places, NAMES, NOW, needed=told) == []
    for dropped, needed in ((told, told), (names.Names(), names.parse_mixed(["192.168.9.9"]))):
        with pytest.raises(AuthorityError, match=r"hub\.example|192\.168\.9\.9") as caught:
            authority.make(places, NAMES, NOW, dropped=dropped, needed=needed)
        assert "public_url" in caught.value.hint
    assert files.read_names(places) == NAMES


def test_a_pair_that_does_not_fit_is_mended(places: Places) -> None:
    """As a power cut or a restore of half a backup leaves it."""
    places.key("broker").write_bytes(files.key_pem(certificates.new_key()))
    places.certificate("hub").unlink()
    assert len(authority.renew(places, NOW)) == len(files.USES)
    for use in files.USES:
        assert greet(places.public, use, NAMES.first)


def test_a_servers_key_of_another_kind_gives_way(places: Places) -> None:
    """As it is left where certificates from elsewhere were cut off on their way."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    places.key("broker").write_bytes(text)
    places.key("hub").write_bytes(b"rubbish")
    assert len(authority.renew(places, NOW)) == len(files.USES)
    for use in files.USES:
        assert greet(places.public, use, NAMES.first)
        assert places.key(use).stat().st_mode & 0o007 == 0


def test_a_damaged_authority_is_an_error_with_a_remedy(places: Places) -> None:
    """It is never replaced silently: that would shut out every node."""
    places.authority.write_bytes(b"rubbish")
    with pytest.raises(AuthorityError, match="no private key") as caught:
        authority.make(places, NAMES, NOW)
    assert "backup" in caught.value.hint
    places.authority.unlink()
    with pytest.raises(AuthorityError, match="no authority") as caught:
        authority.renew(places, NOW)
    assert "backup" in caught.value.hint


def test_nobody_but_its_owner_can_read_a_key(places: Places) -> None:
    """And all can read certificates, whatever root's mask is."""
    assert {path.stat().st_mode & 0o777 for path in (places.authority, places.names)} == {0o600}
    assert places.folder.stat().st_mode & 0o777 == 0o700
    for use in files.USES:
        assert places.key(use).stat().st_mode & 0o007 == 0
        assert places.certificate(use).stat().st_mode & 0o777 == 0o644


def test_a_successor_is_made_known_first_and_signs_later(places: Places, tmp_path: Path) -> None:
    """Nodes that got hub-ca.pem meanwhile take both; those that did not are lost, as documented."""
    old_ca = tmp_path / "old.pem"
    old_ca.write_bytes(places.trusted.read_bytes())
    authority.prepare_successor(places, NAMES, NOW)
    both = tmp_path / "both.pem"
    both.write_bytes(places.trusted.read_bytes())
    assert greet(places.public, "broker", NAMES.first, old_ca), "the old one signs still"
    assert greet(places.public, "broker", NAMES.first, both)
    assert len(authority.succeed(places, NOW)) == len(files.USES)
    assert greet(places.public, "broker", NAMES.first, both)
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(places.public, "broker", NAMES.first, old_ca)
    assert authority.renew(places, NOW) == []
    assert len(x509.load_pem_x509_certificates(places.trusted.read_bytes())) == 1


def test_a_successor_that_may_not_speak_for_a_name_of_before_waits_until_it_is_dropped(
    places: Places,
) -> None:
    """The error names it, and how it is taken out."""
    authority.prepare_successor(places, names.parse(["new.example"], []), NOW)
    with pytest.raises(AuthorityError, match=r"hub\.example\.org, 192\.0\.2\.1, 2001:") as caught:
        authority.succeed(places, NOW)
    assert "--drop" in caught.value.hint
    out = names.parse(["hub.example.org"], ["192.0.2.1", "2001:db8::1"])
    authority.make(places, names.Names(), NOW, dropped=out)
    assert len(authority.succeed(places, NOW)) == len(files.USES)
    authority.make(places, names.parse(["new.example"], []), NOW)
    assert greet(places.public, "hub", "new.example")


def test_a_cut_in_the_middle_of_a_succession_is_finished_by_the_next_renewal(
    places: Places,
) -> None:
    """The successor has taken its place, and no certificate is its own yet."""
    authority.prepare_successor(places, NAMES, NOW)
    durable.rename(places.successor, places.authority)
    assert len(authority.renew(places, NOW)) == len(files.USES)
    assert greet(places.public, "hub", NAMES.first)


def test_what_there_is_can_be_shown(places: Places) -> None:
    """Dates and names; and what is missing."""
    lines, is_whole = present.lines(places)
    assert is_whole
    assert [line.split()[0] for line in lines] == ["authority", "broker", "hub", "reload"]
    assert "hub.example.org" in lines[1]
    places.certificate("hub").unlink()
    lines, is_whole = present.lines(places)
    assert not is_whole and "missing" in lines[2]


@pytest.mark.parametrize(
    ("hosts", "addresses", "said"),
    [
        ([], [], "needs a name"),
        (["two words"], [], "not a host name"),
        (["hub.example.org:8443"], [], "not a host name"),
        (["192.0.2.1"], [], "is an address"),
        ([], ["192.0.2.300"], "not an IP address"),
        ([], ["0.0.0.0"], "cannot be reached"),  # noqa: S104 - refused
        ([], ["ff02::1"], "cannot be reached"),
    ],
)
def test_a_wrong_name_is_named(hosts: list[str], addresses: list[str], said: str) -> None:
    """Before anything is made."""
    with pytest.raises(AuthorityError, match=said):
        names.parse(hosts, addresses)


def test_names_are_as_clients_look_for_them() -> None:
    """Lower case, punycode, each once."""
    found = names.parse(["Hub.Example.ORG.", "hub.example.org", "trạm.example"], ["[2001:DB8::1]"])
    assert found.all == ["hub.example.org", "xn--trm-tgz.example", "2001:db8::1"]


def test_the_command_needs_no_settings_and_says_what_it_did(tmp_path: Path) -> None:
    """A broken hub.yaml must not keep certificates from being renewed."""
    broken = tmp_path / "hub.yaml"
    broken.write_text("nonsense: [", encoding="utf-8")
    where = ["--folder", str(tmp_path / "ca"), "--to", str(tmp_path / "public")]

    def ca(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hub", "--config", str(broken), "ca", *words, *where]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert ca("show").returncode == 1
    made = ca("make", "--name", "hub.test")
    assert made.returncode == 0 and "broker: a certificate for hub.test" in made.stdout, made
    assert ca("renew").stdout == "nothing to do\n"
    assert len(ca("renew", "--force").stdout.splitlines()) == len(files.USES)
    assert "for hub.test, 10.1.2.3, until" in ca("make", "--address", "10.1.2.3").stdout
    lost = ca("make", "--drop", "hub.test", "--needs", "hub.test")
    assert lost.returncode == 1 and "nodes are told to call this hub hub.test" in lost.stderr
    assert "for 10.1.2.3, until" in ca("make", "--drop", "hub.test", "--needs", "10.1.2.3").stdout
    shown = ca("show")
    assert shown.returncode == 0 and "PRIVATE" not in shown.stdout
    wrong = ca("make", "--name", "not a name")
    assert wrong.returncode == 1 and "hint: " in wrong.stderr
