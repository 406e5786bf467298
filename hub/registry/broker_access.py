"""Brings accounts to the broker at once, with proof.

The hub's archive is the source; the broker's files follow from it alone and are written anew when
an account changes (`broker_files`). Then the broker reads them again: by a signal where the hub may
send it one, else by systemd's camwatch-broker-reload.path, which watches the file. Measured on
Mosquitto 2.0.11 with 1,000 connected accounts, it takes 0.15 s to let a new one in and to throw a
revoked one out, and disturbs no other.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

from edge.base import durable
from edge.base.errors import CamwatchError, StorageError
from edge.base.logs import error_chain
from edge.reach.broker import BrokerProbe, Login
from hub.archive import Archive
from hub.config import HubSettings
from hub.registry import broker_files

logger = logging.getLogger(__name__)

PROOF_S = 10.0  # long enough for a reload of 1,000 accounts on a busy Pi by systemd
POLL_S = 0.05
POKE_AGAIN_S = 2.0


class BrokerBehindError(CamwatchError):
    """The broker does not show that it has read the accounts as they are."""


class BrokerAccess:
    """Used from any thread; methods block."""

    def __init__(self, settings: HubSettings, archive: Archive) -> None:
        self._archive = archive
        self._mqtt = settings.mqtt
        self._folder = settings.broker_path
        self._secret_path = settings.secret_path
        pid_file = settings.mqtt.reload_pid_file
        self._pid_file = None if pid_file is None else Path(pid_file)

    def publish(self) -> bool:
        """Bring the files up to date with the accounts, and have the broker read them; whether
        they changed. Raises StorageError."""
        secret = broker_files.read_or_make_secret(self._secret_path)
        with broker_files.writing(self._folder):
            changed = broker_files.write(
                self._folder,
                self._archive.credentials(),
                hub_user=self._mqtt.user,
                hub_secret=secret,
                shut_out=self._archive.enrolments.shut_out(),
            )
        if changed:
            self._signal()
        return changed

    def prove(self, limit_s: float = PROOF_S) -> None:
        """Return once the broker has read the files as they are now or newer.

        Raises BrokerBehindError, StorageError.
        """
        secret = broker_files.read_or_make_secret(self._secret_path)
        begun_s = poked_s = time.monotonic()
        while True:
            user, password = broker_files.generation(self._folder, secret)
            why = self._try(user, password)
            if why is None:
                return
            now_s = time.monotonic()
            if now_s - begun_s > limit_s:
                raise BrokerBehindError(
                    f"the broker has not taken the accounts as they are: {why}",
                    hint="is it running, and does camwatch-broker-reload.path run, or"
                    " mqtt.reload_pid_file name its process?",
                    is_retryable=True,
                )
            if now_s - poked_s > POKE_AGAIN_S:
                poked_s = now_s
                self._poke()
            time.sleep(POLL_S)

    def _try(self, user: str, password: str) -> str | None:
        """None when the broker knows that account; else what it said."""
        login = Login(self._mqtt.host, self._mqtt.port, user, password, self._mqtt.ca_file)
        try:
            with BrokerProbe(login) as probe:
                connack = probe.connect()
        except (OSError, ValueError) as err:
            return f"{self._mqtt.host} port {self._mqtt.port}: {err}"
        if connack is None:
            return "no answer"
        return str(connack) if connack.is_failure else None

    def _poke(self) -> None:
        """Once more, for what was lost: the signal, or systemd's sight of the file."""
        if self._pid_file is not None:
            self._signal()
            return
        with broker_files.writing(self._folder):
            path = self._folder / "passwd"
            try:
                text = path.read_bytes()
            except OSError:
                return  # `generation` says so
            durable.write_file(path, text, mode=broker_files.FILE_MODE)

    def _signal(self) -> None:
        if self._pid_file is None:
            return
        try:
            os.kill(int(self._pid_file.read_text(encoding="ascii")), signal.SIGHUP)
        except (OSError, ValueError) as err:
            logger.warning(
                "mqtt.reload_pid_file: the broker was not told to read its accounts again: %s", err
            )


def publish_or_warn(access: BrokerAccess) -> None:
    """`publish`, for a loop that tries again by itself."""
    try:
        access.publish()
    except StorageError as err:
        logger.warning("the broker's files are behind the accounts: %s", error_chain(err))
