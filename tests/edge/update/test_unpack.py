"""Taking a bundle apart: what is plain comes out, anything else ends it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from edge.update import unpack
from edge.update.errors import FailedError


def tar_of(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    """Members by name, tarfile's type and content."""
    with tarfile.open(path, "w") as archive:
        for name, kind, data in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            info.size = len(data)
            info.mode, info.uid = 0o6777, 1234
            archive.addfile(info, io.BytesIO(data))
    return path


def test_plain_files_come_out_with_plain_modes(tmp_path: Path) -> None:
    """Whatever the tar says of owners and of set-user-id bits."""
    tar = tar_of(
        tmp_path / "b.tar",
        ("./", tarfile.DIRTYPE, b""),
        ("./wheels/", tarfile.DIRTYPE, b""),
        ("wheels/a-1.0-py3-none-any.whl", tarfile.REGTYPE, b"wheel"),
        ("requirements/node.txt", tarfile.REGTYPE, b"text"),
    )
    unpack.unpack(tar, tmp_path / "out")
    found = tmp_path / "out/wheels/a-1.0-py3-none-any.whl"
    assert found.read_bytes() == b"wheel"
    assert found.stat().st_mode & 0o7777 == 0o644
    assert (tmp_path / "out/requirements/node.txt").read_bytes() == b"text"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../evil", tarfile.REGTYPE), ("/evil", tarfile.REGTYPE), ("a/../../evil", tarfile.REGTYPE),
        ("a/./b", tarfile.REGTYPE), (".hidden", tarfile.REGTYPE), ("a\\b", tarfile.REGTYPE),
        ("a b", tarfile.REGTYPE), ("a/b/c/d/e/f/g", tarfile.REGTYPE), ("-rf", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE), ("link", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE),
        ("disk", tarfile.BLKTYPE), ("tty", tarfile.CHRTYPE),
    ],
)  # fmt: skip
def test_what_could_lead_elsewhere_ends_it(tmp_path: Path, name: str, kind: bytes) -> None:
    """By its name or by what it is."""
    tar = tar_of(tmp_path / "b.tar", (name, kind, b""))
    with pytest.raises(FailedError, match=r"no name|neither file"):
        unpack.unpack(tar, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "out"]


def test_a_name_that_stands_twice_ends_it(tmp_path: Path) -> None:
    """The second must not replace the first."""
    member = ("a", tarfile.REGTYPE, b"x")
    with pytest.raises(FailedError, match="stands twice"):
        unpack.unpack(tar_of(tmp_path / "b.tar", member, member), tmp_path / "out")


def test_a_file_in_the_place_of_a_folder_ends_it(tmp_path: Path) -> None:
    """As an error of this update, not of the program."""
    tar = tar_of(tmp_path / "b.tar", ("a", tarfile.REGTYPE, b"x"), ("a/b", tarfile.REGTYPE, b"y"))
    with pytest.raises(Exception, match="cannot unpack"):
        unpack.unpack(tar, tmp_path / "out")


def test_more_than_bundles_hold_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, and bytes."""
    monkeypatch.setattr(unpack, "MAX_FILES", 3)
    monkeypatch.setattr(unpack, "MAX_BYTES", 100)
    many = [(f"f{number}", tarfile.REGTYPE, b"") for number in range(4)]
    with pytest.raises(FailedError, match="more than bundles do"):
        unpack.unpack(tar_of(tmp_path / "many.tar", *many), tmp_path / "one")
    large = ("large", tarfile.REGTYPE, b"x" * 101)
    with pytest.raises(FailedError, match="more than bundles do"):
        unpack.unpack(tar_of(tmp_path / "large.tar", large), tmp_path / "two")


def test_a_tar_that_is_cut_anywhere_is_told(tmp_path: Path) -> None:
    """Never an error of another kind, never a short file without a word."""
    whole = tar_of(tmp_path / "b.tar", ("a", tarfile.REGTYPE, b"x" * 3000)).read_bytes()
    for cut in (0, 1, 100, 511, 512, 513, 2000, 3500):
        (tmp_path / "cut.tar").write_bytes(whole[:cut])
        with pytest.raises(FailedError):
            unpack.unpack(tmp_path / "cut.tar", tmp_path / f"out{cut}")
