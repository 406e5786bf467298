"""CSV as spreadsheets write and read it.

Written with a byte order mark, without which Excel takes Vietnamese for another encoding, and with
texts that would run as formulas marked as texts; read with `,` or `;`, with or without either.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from edge.base.errors import CamwatchError

MAX_BYTES = 8 * 2**20
MAX_TOLD = 200  # faults that people are shown; a file of another kind has one in each line
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Fault:
    """What is wrong in a file; `line` counts from 1, None for the file as a whole."""

    line: int | None
    field: str
    message: str

    @property
    def where(self) -> str:
        """Line and field, as far as they are known."""
        line = "" if self.line is None else f"line {self.line}"
        return ", ".join(each for each in (line, self.field) if each)

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class SpreadsheetError(CamwatchError):
    """A file that cannot be taken; each fault on a line of its own, with line and field."""

    def __init__(self, faults: Iterable[Fault], *, hint: str = "") -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)), hint=hint)


@dataclass(frozen=True)
class Row:
    """One line's cells by column; `line` counts from 1, the header."""

    line: int
    cells: Mapping[str, str]


def write(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """The rows as CSV with a header."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([harmless("" if row[each] is None else row[each]) for each in columns])
    return "\ufeff" + out.getvalue()


def read(content: bytes, columns: Sequence[str], needed: Sequence[str]) -> list[Row]:
    """The rows of a CSV file; columns that it lacks are empty. Raises SpreadsheetError."""
    if len(content) > MAX_BYTES:
        said = f"the file has {len(content)} bytes, at most {MAX_BYTES} are taken"
        raise SpreadsheetError([Fault(None, "", said)])
    text = _decoded(content)
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        header = [each.strip().lower() for each in next(reader, [])]
        _check_header(header, columns, needed)
        found: list[Row] = []
        wrong: list[Fault] = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(header):
                said = f"{len(cells)} cells, {len(header)} columns"
                wrong.append(Fault(reader.line_num, "", said))
            values = dict(zip(header, (restored(cell.strip()) for cell in cells), strict=False))
            found.append(Row(reader.line_num, dict.fromkeys(columns, "") | values))
    except csv.Error as err:
        raise SpreadsheetError([Fault(reader.line_num, "", str(err))]) from err
    if wrong:
        raise SpreadsheetError(wrong)
    return found


def harmless(value: object) -> object:
    """A text that a spreadsheet would take for a formula, marked as a text."""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value


def restored(text: str) -> str:
    """What `harmless` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        raise SpreadsheetError(
            [Fault(line, "", "it is not UTF-8")], hint="save the file as CSV UTF-8"
        ) from err


def _check_header(header: Sequence[str], columns: Sequence[str], needed: Sequence[str]) -> None:
    wrong = [f"the column {each} is missing" for each in needed if each not in header]
    for each in header:
        if each not in columns:
            near = get_close_matches(each, columns, n=1)
            guess = f"; {near[0]}?" if near else f"; there are {', '.join(columns)}"
            wrong.append(f"the column {each[:60]!r} is not known{guess}")
        elif header.count(each) > 1 and f"the column {each} is there twice" not in wrong:
            wrong.append(f"the column {each} is there twice")
    if wrong:
        raise SpreadsheetError(Fault(1, "", each) for each in wrong)
