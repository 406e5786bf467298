"""Users, sessions, tokens and one-time links in the SQLite archive."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from hub.archive import people_rows, sqlite_audit
from hub.archive.audit import Deed
from hub.archive.event_state import from_ms, to_ms
from hub.archive.people import (
    Invitation,
    InvitationUsedError,
    NameTakenError,
    NewToken,
    NewUser,
    Session,
    Token,
    User,
)
from hub.archive.sqlite_file import SqliteFile


class SqlitePeople:
    """`People`; see there."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def users(self) -> list[User]:
        with self._file.reading() as db:
            rows = db.execute("SELECT * FROM users ORDER BY name")
            return [people_rows.user_in(row) for row in rows]

    def user(self, user_id: int) -> User | None:
        with self._file.reading() as db:
            return people_rows.user(db, user_id)

    def user_named(self, name: str) -> User | None:
        with self._file.reading() as db:
            row = db.execute("SELECT * FROM users WHERE name = ?", (name,)).fetchone()
            return None if row is None else people_rows.user_in(row)

    def password_hash(self, user_id: int) -> str | None:
        with self._file.reading() as db:
            row = db.execute("SELECT password_hash FROM users WHERE id = ?", (user_id,)).fetchone()
            return None if row is None else row["password_hash"]

    def add_user(self, user: NewUser, deed: Deed) -> User:
        with self._file.writing() as db:
            added = _add_user(db, user, deed)
            sqlite_audit.add(db, [deed])
            return added

    def change_user(self, user: User, deed: Deed) -> None:
        with self._file.writing() as db:
            people_rows.change_user(db, user)
            if user.disabled_utc is not None:
                people_rows.lock_out(db, user.id)
            sqlite_audit.add(db, [deed])

    def set_password(self, user_id: int, password_hash: str, deed: Deed) -> None:
        with self._file.writing() as db:
            people_rows.set_password(db, user_id, password_hash, deed.at_utc)
            sqlite_audit.add(db, [deed])

    def set_rehashed(self, user_id: int, password_hash: str) -> None:
        with self._file.writing() as db:
            db.execute("UPDATE users SET password_hash = ? WHERE id = ?", (password_hash, user_id))

    def invite(self, invitation: Invitation, deed: Deed | None) -> None:
        with self._file.writing() as db:
            db.execute("DELETE FROM invitations WHERE user_id IS ?", (invitation.user_id,))
            db.execute(
                "INSERT INTO invitations (digest, user_id, expires_ms) VALUES (?, ?, ?)",
                (invitation.digest, invitation.user_id, to_ms(invitation.expires_utc)),
            )
            if deed is not None:
                sqlite_audit.add(db, [deed])

    def invitation(self, digest: bytes) -> Invitation | None:
        with self._file.reading() as db:
            row = db.execute("SELECT * FROM invitations WHERE digest = ?", (digest,)).fetchone()
            if row is None:
                return None
            return Invitation(bytes(row["digest"]), row["user_id"], from_ms(row["expires_ms"]))

    def accept(
        self, invitation: Invitation, user: NewUser | None, password_hash: str, deed: Deed
    ) -> User:
        with self._file.writing() as db:
            cursor = db.execute("DELETE FROM invitations WHERE digest = ?", (invitation.digest,))
            if not cursor.rowcount:
                raise InvitationUsedError("this link was used already")
            user_id = invitation.user_id
            if user_id is None:
                if user is None or people_rows.has_administrator(db):
                    raise InvitationUsedError("there is an administrator already")
                user_id = _add_user(db, user, deed).id
            people_rows.set_password(db, user_id, password_hash, deed.at_utc)
            found = people_rows.user(db, user_id)
            if found is None or found.disabled_utc is not None:
                raise InvitationUsedError("this user may not log in any more")
            sqlite_audit.add(db, [deed])
            return found

    def begin_session(self, session: Session, deed: Deed) -> None:
        with self._file.writing() as db:
            people_rows.begin_session(db, session)
            sqlite_audit.add(db, [deed])

    def session(self, digest: bytes) -> Session | None:
        with self._file.reading() as db:
            row = db.execute("SELECT * FROM sessions WHERE digest = ?", (digest,)).fetchone()
            return None if row is None else people_rows.session_in(row)

    def sessions_of(self, user_id: int) -> list[Session]:
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT * FROM sessions WHERE user_id = ? ORDER BY begun_ms DESC", (user_id,)
            )
            return [people_rows.session_in(row) for row in rows]

    def touch_session(self, digest: bytes, now_utc: datetime) -> None:
        with self._file.writing() as db:
            db.execute("UPDATE sessions SET seen_ms = ? WHERE digest = ?", (to_ms(now_utc), digest))

    def end_session(self, digest: bytes, deed: Deed | None) -> None:
        with self._file.writing() as db:
            db.execute("DELETE FROM sessions WHERE digest = ?", (digest,))
            if deed is not None:
                sqlite_audit.add(db, [deed])

    def drop_expired(self, now_utc: datetime, *, idle_since: datetime) -> None:
        with self._file.writing() as db:
            db.execute(
                "DELETE FROM sessions WHERE ends_ms <= ? OR seen_ms <= ?",
                (to_ms(now_utc), to_ms(idle_since)),
            )
            db.execute("DELETE FROM invitations WHERE expires_ms <= ?", (to_ms(now_utc),))

    def is_known_address(self, user_id: int, address: str) -> bool:
        with self._file.reading() as db:
            row = db.execute(
                "SELECT 1 FROM user_addresses WHERE user_id = ? AND address = ?",
                (user_id, address),
            ).fetchone()
            return row is not None

    def add_token(self, token: NewToken, deed: Deed) -> Token:
        with self._file.writing() as db:
            added = people_rows.add_token(db, token)
            sqlite_audit.add(db, [deed])
            return added

    def token(self, digest: bytes) -> Token | None:
        with self._file.reading() as db:
            row = db.execute("SELECT * FROM tokens WHERE digest = ?", (digest,)).fetchone()
            return None if row is None else people_rows.token_in(row)

    def tokens(self, user_id: int | None = None) -> list[Token]:
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT * FROM tokens WHERE user_id = coalesce(?, user_id) ORDER BY id DESC",
                (user_id,),
            )
            return [people_rows.token_in(row) for row in rows]

    def revoke_token(self, token_id: int, now_utc: datetime, deed: Deed) -> bool:
        with self._file.writing() as db:
            cursor = db.execute(
                "UPDATE tokens SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL",
                (to_ms(now_utc), token_id),
            )
            if cursor.rowcount:
                sqlite_audit.add(db, [deed])
            return cursor.rowcount > 0

    def touch_token(self, token_id: int, now_utc: datetime) -> None:
        with self._file.writing() as db:
            db.execute("UPDATE tokens SET used_ms = ? WHERE id = ?", (to_ms(now_utc), token_id))


def _add_user(db: sqlite3.Connection, user: NewUser, deed: Deed) -> User:
    try:
        return people_rows.add_user(db, user, deed.at_utc)
    except sqlite3.IntegrityError as err:
        raise NameTakenError(f"there is a user {user.name} already") from err
