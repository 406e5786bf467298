"""What the operator said of events: a file of ids and verdicts, as the hub's query prints it.

    camwatch-hub query --json --mark confirmed --mark false_alarm > verdicts.json

CSV with a header will do too. The columns are `id` (or `event`) and `mark` (or `verdict`); all
other columns, and marks that are no verdicts, are passed over.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from edge.base.errors import ConfigError
from edge.contract import names

Verdict = Literal["confirmed", "false_alarm"]
Verdicts = Mapping[str, Verdict]
WORDS: dict[str, Verdict] = {
    "confirmed": "confirmed",
    "false_alarm": "false_alarm",
    "false": "false_alarm",
}
PASSED_OVER = frozenset({"", "new", "seen", "none", "unmarked"})
MAX_BYTES = 64 * 2**20


def read(path: Path) -> Verdicts:
    """The verdicts in a file. Raises ConfigError that names the line."""
    try:
        data = path.read_bytes()
    except OSError as err:
        raise ConfigError(f"cannot read {path}: {err.strerror}") from err
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        return parse(data.decode("utf-8-sig"))
    except ValueError as err:
        raise ConfigError(
            f"{path}: {err}",
            hint="camwatch-hub query --json --mark confirmed --mark false_alarm makes such a file",
        ) from err


def parse(text: str) -> Verdicts:
    """The verdicts in JSON, JSON lines or CSV. Raises ValueError."""
    found: dict[str, Verdict] = {}
    for number, row in _rows(text):
        event = str(row.get("id") or row.get("event") or "").strip().lower()
        said = row.get("mark") if "mark" in row else row.get("verdict")
        word = str(said or "").strip().lower().replace(" ", "_").replace("-", "_")
        if not names.is_event(event):
            raise ValueError(f"entry {number}: {event[:40]!r} is no event's id")
        if word in PASSED_OVER:
            continue
        if word not in WORDS:
            raise ValueError(f"entry {number}: {word[:40]!r} is neither confirmed nor false_alarm")
        found[event] = WORDS[word]
    return found


def _rows(text: str) -> Iterable[tuple[int, Mapping[str, object]]]:
    stripped = text.lstrip()
    if stripped.startswith("["):
        values = _json(stripped, "it")
        if not isinstance(values, list):
            raise ValueError("it is no list")
        return _mappings(values)
    if stripped.startswith("{"):
        lines = [line for line in stripped.splitlines() if line.strip()]
        return _mappings([_json(line, f"line {n}") for n, line in enumerate(lines, 1)])
    reader = csv.DictReader(io.StringIO(text))
    header = {name.strip().lower() for name in reader.fieldnames or ()}
    if not header & {"id", "event"} or not header & {"mark", "verdict"}:
        raise ValueError("neither JSON nor CSV with columns id and mark")
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    return enumerate(reader, 1)


def _json(text: str, where: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise ValueError(f"{where} is not JSON: {err}") from err
    return value


def _mappings(values: list[object]) -> Iterable[tuple[int, Mapping[str, object]]]:
    found = []
    for number, value in enumerate(values, 1):
        if not isinstance(value, dict):
            raise ValueError(f"entry {number} is no object")  # noqa: TRY004 - of a file
        found.append((number, value))
    return found
