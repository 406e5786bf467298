"""What the rules of node files say, in the reader's language."""

from __future__ import annotations

import pytest

from hub.console.registry_faults import FAULTS
from hub.console.texts import texts_in


@pytest.mark.parametrize(
    "said",
    [
        "'Gate 3' cannot be a node's name: lower-case letters, digits and -, at most 32",
        "gate-3: there is a node of that name already",
        "there is a node of that name already",
        "gate-3: there is no such node",
        "gate-3: a reader has that name",
        "gate-3: a place belongs to a camera, and none is given",
        "a place belongs to a camera; give its address",
        "source: a camera needs its address",
        "it is needed where there is a password",
        "camera gate: document: source: no kind of source is known for ftp://h: give an rtsp://",
        "source: no kind of source is known for ftp://h: give an rtsp:// or",
        "camera gate: document: source: the address names no host",
        "document: source: exec: cannot come with a node file; set it on the node",
        "camera gate: document: sub_source: it is the same as source; give the small stream",
        "gate-3 has a camera gate already",
        "cameras: two cameras have the name gate",
        "camera gate: document: user: a password needs one",
        "camera gate: document: source: neither an address such as rtsp://192.0.2.10/stream1 nor",
        "a user at a camera needs one",
        "there is no node in it",
        "line 4 has gate-3 somewhere else",
        "node files cannot be made: ca: https:// needs the certificates to trust",
    ],
)
def test_a_rule_is_read_in_vietnamese(said: str) -> None:
    """Not in the English of commands."""
    assert FAULTS.said(texts_in("vi"), said) != said
    assert "%(" not in FAULTS.said(texts_in("vi"), said)
