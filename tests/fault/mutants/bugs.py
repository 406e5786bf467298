"""Durability bugs to be seeded into a copy of the product: what to change, and how it shows.

Each is one that was made somewhere before: in SQLite's settings, in a careless rewrite, in another
camera system. `shows` must be found in the words with which the harness reports a broken promise;
a bug that shows otherwise was found by luck.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

DURABLE = "edge/base/durable.py"
SQLITE = "edge/base/sqlite.py"
MP4 = "edge/mux/mp4.py"


@dataclass(frozen=True)
class Bug:
    """One seeded bug. `changes` are (file, text that stands there once, text instead)."""

    name: str
    side: Literal["node", "hub"]
    shows: str
    changes: tuple[tuple[str, str, str], ...]
    search: Literal["cuts", "errors"] = "cuts"
    """By what it is found: power cuts, or errors of single calls."""

    def seed(self, tree: Path) -> None:
        """Change the copy in `tree`. Raises AssertionError where the text is not there once."""
        for name, old, new in self.changes:
            path = tree / name
            text = path.read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{self.name}: {name} has {text.count(old)} times {old!r}"
            path.write_text(text.replace(old, new), encoding="utf-8")

    def is_shown_by(self, text: str) -> bool:
        """Whether these words of the harness tell of this bug."""
        return re.search(self.shows, text) is not None


def bug(name: str, side: Literal["node", "hub"], shows: str, *changes: tuple[str, str, str]) -> Bug:
    """A bug of one or more changes that power cuts find."""
    return Bug(name, side, shows, changes)


def error_bug(name: str, shows: str, *changes: tuple[str, str, str]) -> Bug:
    """A bug of the node that errors of single calls find."""
    return Bug(name, "node", shows, changes, "errors")


PUBLISH = """        self._sync(os.fsync)
        self._close()
        rename(self.part_path, self.path)
"""
RENAME_FIRST = """        os.rename(self.part_path, self.path)
        self._sync(os.fsync)
        self._close()
        flush_dir(self.path.parent)
"""
FLUSH_DIR = """            os.fsync(fd)
        finally:
"""
IN_ONE = """            with sqlite.transaction(db):
                yield db
"""
COMMIT_LATE = """            if db.in_transaction:
                db.execute("COMMIT")
            db.execute("BEGIN IMMEDIATE")
            yield db
"""
RETRY = """        try:
            try:
                sync(self._fd)
            except OSError:
                sync(self._fd)
"""
FREE_FIRST = """                settle.settle(journal, ack)
                for name in sorted(journal.unwritten.freed):
                    self._free(name)
"""
LATE = """        for late in LATE:
            late.publish()
        LATE.clear()
        self._part = PartFile(path)
"""

BUGS = (
    bug("no fsync of a file", "node", "power cut",
        (DURABLE, PUBLISH, PUBLISH.replace("        self._sync(os.fsync)\n", ""))),
    bug("no fsync of a folder", "node", "power cut",
        (DURABLE, FLUSH_DIR, FLUSH_DIR.replace("os.fsync(fd)", "pass"))),
    bug("no fsync of a folder, on the hub", "hub", "power cut",
        (DURABLE, FLUSH_DIR, FLUSH_DIR.replace("os.fsync(fd)", "pass"))),
    bug("the name of an open clip is not flushed", "node", "lost fragments",
        (DURABLE, "        if not self._is_named:", "        if self._fd < 0:")),
    bug("fragments are not flushed", "node", "lost fragments",
        (MP4, "        self._part.flush_to_disk()\n", "")),
    bug("rename before fsync", "node", "power cut",
        (DURABLE, PUBLISH, RENAME_FIRST)),
    bug("files replaced in place", "node", "past edge.base.durable",
        (DURABLE, "    with PartFile(path, mode=mode) as part:\n        part.write(data)\n"
         "        part.publish()\n", "    path.write_bytes(data)\n    path.chmod(mode)\n")),
    bug("an existing part is taken for a new one", "node", "opened for writing",
        (DURABLE, "os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC",
         "os.O_RDWR | os.O_CREAT | os.O_CLOEXEC")),
    error_bug("fsync tried again after EIO", "flushed again on the descriptor",
        (DURABLE, "        try:\n            sync(self._fd)\n", RETRY)),
    error_bug("what a failed fsync left readable is believed", "error: .*(row says|never sent)",
        ("edge/mux/parts.py", "recover(writer.part_path, flushed_bytes=writer.flushed_bytes)",
         "recover(writer.part_path)")),
    bug("synchronous=NORMAL on the node", "node", "appended and is lost",
        (SQLITE, "synchronous=FULL\")", "synchronous=NORMAL\")")),
    bug("synchronous=NORMAL on the hub", "hub", "not in the archive",
        (SQLITE, "synchronous=FULL\")", "synchronous=NORMAL\")")),
    bug("synchronous=OFF", "node", "power cut",
        (SQLITE, "synchronous=FULL\")", "synchronous=OFF\")")),
    bug("a schema made without a transaction", "hub", "does not start",
        (SQLITE, "        with transaction(db):\n            if _version(db)",
         "        with contextlib.nullcontext():\n            if _version(db)")),
    bug("the record before its clip", "node", "missing|row says|waits no more",
        (MP4, "VIDEO, AUDIO = 1, 2\n", "VIDEO, AUDIO = 1, 2\nLATE: list[PartFile] = []\n"),
        (MP4, "        self._part = PartFile(path)\n", LATE),
        (MP4, "        self._part.publish()\n", "        LATE.append(self._part)\n")),
    bug("a file removed before its row", "node", "missing",
        ("edge/outbox/outbox.py", "                settle.settle(journal, ack)\n", FREE_FIRST)),
    bug("a file given up before that is journalled", "node", "missing",
        ("edge/mux/spool.py", "            try:\n                self._on_lost(file)\n",
         "            durable.remove(file.path)\n            try:\n"
         "                self._on_lost(file)\n")),
    bug("any acknowledgement is believed", "node", "foreign head",
        ("edge/outbox/settle.py", "    if not _is_known(journal, ack):",
         "    if not _is_known(journal, ack) and not ack.head:")),
    bug("one record too many is freed", "node", "is lost|chain breaks|newest record",
        ("edge/outbox/store.py", "DELETE FROM records WHERE seq <= ?\"",
         "DELETE FROM records WHERE seq <= 1 + ?\"")),
    bug("record and journal in two transactions", "node", "begun anew|chain breaks|does not start",
        ("edge/outbox/store.py", "            tip = change.tip\n",
         "            db.execute(\"COMMIT\")\n            db.execute(\"BEGIN IMMEDIATE\")\n"
         "            tip = change.tip\n")),
    bug("a fragment is believed without its check", "node", "never sent",
        ("edge/mux/layout.py",
         "    if left < 0 or part.read(fragment.CHECK_BYTES) != fragment.check_box(crc):",
         "    if left < 0:")),
    error_bug("an event ended without the clip that could not be mended", "lost fragments",
        ("edge/camera/recovery.py",
         "{path.name.split(\".\")[0] for path in spool.leftovers()}", "set[str]()")),
    bug("the hub acknowledges before its commit", "hub", "not in the archive",
        ("hub/archive/sqlite_file.py", IN_ONE, COMMIT_LATE)),
    bug("PUBACK before the commit", "hub", "message was acknowledged",
        ("hub/ingest/writer.py", "        pictures = [each for each in messages if",
         "        for message in messages:\n            self._acknowledge(message)\n"
         "        pictures = [each for each in messages if")),
    bug("a record that is known is inserted again", "hub", "live|sent again",
        ("hub/archive/record_rows.py", "        if known is not None:",
         "        if known is not None and known != digest:")),
    bug("an offset is told before the bytes are flushed", "hub", "told to be safe",
        ("hub/api/upload_store.py", "            self._file.flush_to_disk()\n", "")),
)  # fmt: skip
