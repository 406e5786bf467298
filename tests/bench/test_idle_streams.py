"""The idle bench's matrix of streams, and where their films are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.bench import idle_film, idle_streams
from scripts.bench.idle_film import Film
from scripts.bench.idle_streams import DEFAULT, Stream


def test_every_stream_has_a_name_of_its_own() -> None:
    """Two sizes, three rate controls, day and night, idle and moving."""
    names = [stream.name for stream in idle_streams.matrix()]
    assert len(set(names)) == len(names) == 24
    assert set(DEFAULT) <= set(names)


def test_streams_are_chosen_by_name_or_pattern() -> None:
    """In the order of the matrix, and each once."""
    chosen = idle_streams.choose(["1080p-vbr-day-*", "1080p-vbr-*-idle"])
    assert [stream.name for stream in chosen] == [
        "1080p-vbr-day-idle", "1080p-vbr-day-moving", "1080p-vbr-night-idle",
    ]  # fmt: skip


def test_a_name_that_no_stream_has_is_refused() -> None:
    """With the names that there are."""
    with pytest.raises(ValueError, match="720p-vbr-day-idle"):
        idle_streams.choose(["720p-vbr-day-idle", "4k-*"])


def test_a_film_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until its parameters change; nothing is left of one that fails its check."""
    made = []

    def make(film: Film, path: Path) -> None:
        made.append(film)
        path.write_bytes(b"film")

    monkeypatch.setattr(idle_film, "make", make)
    monkeypatch.setattr(idle_film, "check", lambda _film, _path: None)
    said: list[str] = []
    quiet, longer = (Stream(360, "vbr", "day", "idle", seconds) for seconds in (24, 30))
    first = idle_streams.prepare(quiet, tmp_path, said.append)
    assert idle_streams.prepare(quiet, tmp_path, said.append) == first
    assert idle_streams.prepare(longer, tmp_path, said.append).path != first.path
    assert len(made) == len(said) == 2

    def fail(_film: Film, _path: Path) -> None:
        raise idle_film.FilmError

    monkeypatch.setattr(idle_film, "check", fail)
    with pytest.raises(idle_film.FilmError):
        idle_streams.prepare(Stream(360, "cbr", "day", "idle"), tmp_path, said.append)
    assert len(list(tmp_path.iterdir())) == 2
