"""Logging in at a camera's web server."""

from __future__ import annotations

from edge.capture.httpauth import Challenge, answer, best, challenges

# RFC 7616 section 3.9.1
RFC = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def rfc_answer(name: str) -> str:
    (challenge,) = challenges([RFC.format(name)])
    return answer(
        challenge,
        "Mufasa",
        "Circle of Life",
        uri="/dir/index.html",
        client_nonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )


def test_the_digests_are_those_of_the_rfc() -> None:
    """RFC 7616's own example, with both hashes."""
    assert 'response="8ca523f5e9506fed4657c9700eebdbec"' in rfc_answer("MD5")
    sha = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    assert f'response="{sha}"' in rfc_answer("SHA-256")


def test_the_best_offer_is_taken() -> None:
    """Digest before basic, SHA-256 before MD5, and nothing that is not known."""
    offered = challenges(['Basic realm="a, Digest b"', RFC.format("MD5"), RFC.format("SHA-256")])
    chosen = best(offered)
    assert chosen is not None
    assert chosen.hash_name == "SHA-256"
    assert best(challenges(['Negotiate abc, Basic realm="x"'])) == Challenge(
        "basic", {"realm": "x"}
    )
    assert best(challenges([RFC.format("SHA-512-256"), "NTLM"])) is None


def test_what_a_server_sends_cannot_break_the_header() -> None:
    """Quotes are escaped and line ends dropped."""
    header = answer(Challenge("digest", {"realm": 'a"b\r\nX: y', "nonce": "n"}), "u", "p", uri="/")
    assert "\n" not in header
    assert 'realm="a\\"bX: y"' in header
