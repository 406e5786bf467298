"""Contact sheets of what went wrong, so that a person can see why.

One row for each miss, false alarm, overrun, onset far off its visit, and long part of a visit that
is in no event: three pictures with their times, what the contestant took for moving in red, what
the product saw stir in yellow, and the change within a second around the middle one, four times as
strong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from edge.media.frame import Picture
from scripts.bench.seeing_camwatch import Look
from scripts.bench.seeing_events import Box, Found
from scripts.bench.seeing_footage import Known, Span
from scripts.bench.seeing_score import Judged

CELL_PX = 320  # wide
CAPTION_PX = 22
ROWS = 7
FAR_OFF_S = 0.75  # of an onset, early or late
UNSEEN_S = 5.0  # of a visit that an event met, outside of any event
NEAR_S = 0.35  # of a picture's time, for boxes to be drawn into it
AROUND_S = 0.5  # before and after, for the change
GAIN = 4
RED, YELLOW, WHITE = (40, 40, 255), (0, 220, 255), (255, 255, 255)
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Row:
    """One thing to be looked at: what it is, its recording, three moments, an event's box."""

    what: str
    known: Known
    words: str
    at_s: tuple[float, float, float]
    found: Found | None


def rows(known: Known, judged: Judged, trace: Sequence[Look]) -> Iterator[Row]:
    """What went wrong for one contestant in one recording."""
    for visit in judged.visits:
        span, kind = visit.visit.span, visit.visit.kind
        if visit.found is None:
            what = "missed" if visit.visit.is_required else "missed-hard"
            yield Row(what, known, f"{_words(span)} {kind}", _moments(span, trace), None)
        elif visit.onset_s is not None and abs(visit.onset_s) > FAR_OFF_S:
            late = visit.onset_s > 0
            begun = visit.found.span.first_s
            moments = (span.first_s, begun, begun + 1) if late else (begun, begun + 1, span.first_s)
            words = f"{_words(span)} {kind} begins {visit.onset_s:+.1f} s"
            yield Row("late" if late else "early", known, words, moments, visit.found)
        for each in unseen(span, judged) if visit.found else ():
            yield Row("unseen", known, _words(each), _moments(each, trace), None)
    for event in judged.events:
        found = event.found
        middle_s = found.box_s if found.box else (found.span.first_s + found.span.last_s) / 2
        moments = found.span.first_s, middle_s, found.span.last_s
        near = " ".join(kind for kind, span in known.nuisances if span.meets(found.span))
        if event.verdict == "false":
            yield Row("false", known, f"{_words(found.span)} {near}", moments, found)
        for each in event.overruns:
            yield Row("overrun", known, _words(each), _moments(each, trace), found)


def unseen(span: Span, judged: Judged) -> Iterator[Span]:
    """The stretches of a visit that no event covers, of UNSEEN_S and more."""
    at_s = span.first_s
    for event in sorted(judged.events, key=lambda each: each.found.span.first_s):
        if event.found.span.meets(span):
            if event.found.span.first_s - at_s >= UNSEEN_S:
                yield Span(at_s, event.found.span.first_s)
            at_s = max(at_s, event.found.span.last_s)
    if span.last_s - at_s >= UNSEEN_S:
        yield Span(at_s, span.last_s)


def write(folder: Path, contestant: str, wrong: Sequence[Row], trace_of: dict[str, Sequence[Look]]
          ) -> list[Path]:  # fmt: skip
    """Draw the rows, sorted by what they are, ROWS to a PNG; the files written."""
    written = []
    for what in dict.fromkeys(each.what for each in wrong):
        chosen = [each for each in wrong if each.what == what]
        for number, first in enumerate(range(0, len(chosen), ROWS), 1):
            drawn = [_draw(each, trace_of.get(each.known.name, ())) for each in
                     chosen[first : first + ROWS]]  # fmt: skip
            path = folder / f"{contestant.replace(', ', '-').replace(' ', '-')}-{what}-{number}.png"
            cv2.imwrite(str(path), np.vstack(drawn))
            written.append(path)
    return written


def _words(span: Span) -> str:
    return f"{span.first_s:.1f}-{span.last_s:.1f} s"


def _moments(span: Span, trace: Sequence[Look]) -> tuple[float, float, float]:
    """A little after the start, where the most stirs, a little before the end."""
    edge_s = min(1.0, span.length_s / 4)
    first_s, last_s = span.first_s + edge_s, span.last_s - edge_s
    inside = [each for each in trace if first_s <= each.at_s <= last_s]
    most = max(inside, key=_stir, default=None)
    middle_s = (span.first_s + span.last_s) / 2 if most is None or not _stir(most) else most.at_s
    return first_s, middle_s, last_s


def _stir(look: Look) -> float:
    return sum(box[2] * box[3] for box in (*look.moving, *look.stirring))


def _draw(row: Row, trace: Sequence[Look]) -> Picture:
    """One row, uint8, shape (height, 4 x CELL_PX, 3)."""
    first_s, middle_s, last_s = row.at_s
    times_s = sorted({*row.at_s, middle_s - AROUND_S, middle_s + AROUND_S})
    pictures = dict(zip(times_s, pictures_at(row.known.path, times_s), strict=True))
    cells = [_boxed(pictures[each], each, row, trace) for each in (first_s, middle_s, last_s)]
    before, after = pictures[middle_s - AROUND_S], pictures[middle_s + AROUND_S]
    change = np.clip(cv2.absdiff(after, before).astype(np.uint16) * GAIN, 0, 255).astype(np.uint8)
    _write(change, (6, change.shape[0] - 8), f"change within {2 * AROUND_S:g} s, x{GAIN}")
    caption = np.zeros((CAPTION_PX, 4 * CELL_PX, 3), np.uint8)
    _write(caption, (6, 16), f"{row.what}: {row.known.name} {row.words}   "
                             f"[{', '.join(row.known.conditions)}]")  # fmt: skip
    return np.asarray(np.vstack([caption, np.hstack([*cells, change])]), np.uint8)


def _boxed(picture: Picture, at_s: float, row: Row, trace: Sequence[Look]) -> Picture:
    picture = picture.copy()
    near = min(trace, key=lambda each: abs(each.at_s - at_s), default=None)
    if near is not None and abs(near.at_s - at_s) <= NEAR_S:
        for box in near.stirring:
            _box(picture, box, YELLOW)
        for box in near.moving:
            _box(picture, box, RED)
    elif row.found and row.found.box and abs(row.found.box_s - at_s) <= NEAR_S:
        _box(picture, row.found.box, RED)
    _write(picture, (6, picture.shape[0] - 8), f"{at_s:.2f} s")
    return picture


def _box(picture: Picture, box: Box, colour: tuple[int, int, int]) -> None:
    height, width = picture.shape[:2]
    left, top = round(box[0] * width), round(box[1] * height)
    right, bottom = round((box[0] + box[2]) * width), round((box[1] + box[3]) * height)
    cv2.rectangle(picture, (left - 2, top - 2), (right + 2, bottom + 2), colour, 1)


def _write(picture: Picture, place: tuple[int, int], words: str) -> None:
    cv2.putText(picture, words, place, FONT, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(picture, words, place, FONT, 0.45, WHITE, 1, cv2.LINE_AA)


def pictures_at(path: Path, times_s: Sequence[float]) -> list[Picture]:
    """The pictures shown at these seconds since the first frame, in order of time.

    uint8, shape (height, CELL_PX, 3), blue green red; the last one for times beyond the end.
    """
    found: list[Picture] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        base = stream.time_base
        assert base is not None
        origin = stream.start_time or 0
        for at_s in times_s:
            target = origin + round(max(0.0, at_s) / float(base))
            container.seek(target, stream=stream)
            shown: av.VideoFrame | None = None
            for frame in container.decode(stream):
                if frame.pts is not None and shown is not None and frame.pts > target:
                    break
                shown = frame
            found.append(_small(shown) if shown is not None else found[-1])
    return found


def _small(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    height = round(frame.height * CELL_PX / frame.width)
    small = frame.reformat(width=CELL_PX, height=height, format="bgr24")
    return np.asarray(small.to_ndarray(), np.uint8)
