"""Rows of users, sessions and tokens."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from hub.archive.event_state import from_ms, to_ms
from hub.archive.people import NewToken, NewUser, Session, Token, User
from hub.archive.scope import EVERYTHING, Scope


def user(db: sqlite3.Connection, user_id: int) -> User | None:
    """One user."""
    row = db.execute("SELECT * FROM users WHERE id = ?", (user_id,)).fetchone()
    return None if row is None else user_in(row)


def add_user(db: sqlite3.Connection, new: NewUser, now_utc: datetime) -> User:
    """Add a user without a password. Raises sqlite3.IntegrityError where the name is taken."""
    cursor = db.execute(
        "INSERT INTO users (name, full_name, role, scope, language, added_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (new.name, new.full_name, new.role, _text(new.scope), new.language, to_ms(now_utc)),
    )
    return User(
        int(cursor.lastrowid or 0), new.name, new.full_name, new.role, new.scope, new.language,
        now_utc, None, None,
    )  # fmt: skip


def change_user(db: sqlite3.Connection, user: User) -> None:
    """Write what may be changed of a user."""
    db.execute(
        "UPDATE users SET full_name = ?, role = ?, scope = ?, language = ?,"
        " disabled_ms = ? WHERE id = ?",
        (
            user.full_name, user.role, _text(user.scope), user.language,
            None if user.disabled_utc is None else to_ms(user.disabled_utc), user.id,
        ),
    )  # fmt: skip


def set_password(
    db: sqlite3.Connection, user_id: int, password_hash: str, now_utc: datetime
) -> None:
    """Set it; whoever is in under the old one is out."""
    db.execute(
        "UPDATE users SET password_hash = ?, password_ms = ? WHERE id = ?",
        (password_hash, to_ms(now_utc), user_id),
    )
    lock_out(db, user_id)


def lock_out(db: sqlite3.Connection, user_id: int) -> None:
    """End a user's sessions and one-time links."""
    db.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,))
    db.execute("DELETE FROM invitations WHERE user_id = ?", (user_id,))


def has_administrator(db: sqlite3.Connection) -> bool:
    """Whether anybody can administrate everything."""
    row = db.execute(
        "SELECT 1 FROM users WHERE role = 'administrator' AND scope IS NULL"
        " AND password_ms IS NOT NULL AND disabled_ms IS NULL"
    ).fetchone()
    return row is not None


def begin_session(db: sqlite3.Connection, session: Session) -> None:
    """Keep a session and that its user logged in from there."""
    db.execute(
        "INSERT INTO sessions (digest, user_id, begun_ms, seen_ms, ends_ms, address, agent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            session.digest, session.user_id, to_ms(session.begun_utc), to_ms(session.seen_utc),
            to_ms(session.ends_utc), session.address, session.agent,
        ),
    )  # fmt: skip
    db.execute(
        "INSERT INTO user_addresses (user_id, address, seen_ms) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET seen_ms = excluded.seen_ms",
        (session.user_id, session.address, to_ms(session.begun_utc)),
    )
    db.execute(  # the newest few
        "DELETE FROM user_addresses WHERE user_id = ?1 AND seen_ms < (SELECT seen_ms"
        " FROM user_addresses WHERE user_id = ?1 ORDER BY seen_ms DESC LIMIT 1 OFFSET 50)",
        (session.user_id,),
    )


def add_token(db: sqlite3.Connection, new: NewToken) -> Token:
    """Add a token."""
    cursor = db.execute(
        "INSERT INTO tokens (digest, user_id, name, role, scope, added_ms, expires_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            new.digest, new.user_id, new.name, new.role, _text(new.scope),
            to_ms(new.added_utc), to_ms(new.expires_utc),
        ),
    )  # fmt: skip
    return Token(
        int(cursor.lastrowid or 0), new.user_id, new.name, new.role, new.scope, new.added_utc,
        new.expires_utc, None, None,
    )  # fmt: skip


def user_in(row: sqlite3.Row) -> User:
    """The user that a row holds."""
    return User(
        row["id"],
        row["name"],
        row["full_name"],
        row["role"],
        _scope(row),
        row["language"],
        from_ms(row["added_ms"]),
        _moment(row["password_ms"]),
        _moment(row["disabled_ms"]),
    )


def session_in(row: sqlite3.Row) -> Session:
    """The session that a row holds."""
    return Session(
        bytes(row["digest"]),
        row["user_id"],
        from_ms(row["begun_ms"]),
        from_ms(row["seen_ms"]),
        from_ms(row["ends_ms"]),
        row["address"],
        row["agent"],
    )


def token_in(row: sqlite3.Row) -> Token:
    """The token that a row holds."""
    return Token(
        row["id"],
        row["user_id"],
        row["name"],
        row["role"],
        _scope(row),
        from_ms(row["added_ms"]),
        from_ms(row["expires_ms"]),
        _moment(row["revoked_ms"]),
        _moment(row["used_ms"]),
    )


def _moment(millis: int | None) -> datetime | None:
    return None if millis is None else from_ms(millis)


def _text(scope: Scope) -> str | None:
    if scope.is_everything:
        return None
    plain = {"areas": sorted(scope.areas), "organisations": sorted(scope.organisations)}
    return json.dumps(plain, ensure_ascii=False)


def _scope(row: sqlite3.Row) -> Scope:
    if row["scope"] is None:
        return EVERYTHING
    plain = json.loads(row["scope"])
    return Scope(False, frozenset(plain["areas"]), frozenset(plain["organisations"]))
