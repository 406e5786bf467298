"""Asks the hub to take this box: one POST over TLS, again for as long as it may help."""

from __future__ import annotations

import base64
import http.client
import json
import logging
import ssl
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from edge.base.backoff import Backoff
from edge.base.errors import EX_CONFIG, CamwatchError
from edge.contract import enrolment, names
from edge.contract.errors import ContractError
from edge.contract.nodefile import NodeFile
from edge.enrol import trust
from edge.keys import PrivateKey, PublicKey

logger = logging.getLogger(__name__)

TIMEOUT_S = 30.0  # the hub answers once its broker knows the node, within 10 s
CLOCK_WAIT_S = 60.0
CLOCK_LOOK_S = 1.0
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
FINAL = range(400, 500)
TOO_MANY = 429


class EnrolmentError(CamwatchError):
    """The hub did not take the box; `is_retryable` says whether asking again at once can help."""


class RefusedTokenError(EnrolmentError):
    """The hub will not take this node file at any time: used, ended, taken back, not its own.

    Each further try would be one more refusal in its audit trail.
    """

    exit_status = EX_CONFIG


class Times(Protocol):
    """The clocks that matter here."""

    def utc(self) -> datetime:
        """What the box takes for the time."""

    def is_set(self) -> bool:
        """Whether it was set from the network."""


class Redeemer:
    """Asks for one node file. Blocks."""

    def __init__(self, file: NodeFile, key: PrivateKey, secret: str, times: Times,
                 sleep: Callable[[float], object] = time.sleep) -> None:  # fmt: skip
        """Raises ConfigError for a CA that cannot be used."""
        self._file = file
        self._key = key
        self._times = times
        self._sleep = sleep
        self._hub_key = PublicKey.from_text(file.hub_key)
        self._has_clock = True
        self._body = _request(file, key, secret)
        if file.ca is not None:
            trust.context(file.ca, has_clock=True)

    def redeem(self, wait_s: float) -> None:
        """Return once the hub has taken the box; where it cannot be asked, try for `wait_s`.

        Raises EnrolmentError.
        """
        backoff = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S)
        end_s = time.monotonic() + wait_s
        said = ""
        while True:
            try:
                self._ask_with_clock()
            except EnrolmentError as err:
                pause_s = backoff.next_s()
                if not err.is_retryable or time.monotonic() + pause_s > end_s:
                    raise
                if str(err) != said:
                    said = str(err)
                    logger.warning("not yet: %s; trying again", said)
                self._sleep(pause_s)
            else:
                return

    def _ask_with_clock(self) -> None:
        try:
            self._ask()
        except ssl.SSLCertVerificationError as err:
            if err.verify_code != trust.NOT_YET_VALID or self._times.is_set():
                raise self._refused_certificate(err) from err
        else:
            return
        logger.warning(
            "this box's clock says %s, before the hub's certificate begins; waiting for the time",
            self._times.utc().strftime("%Y-%m-%d %H:%M"),
        )
        for _ in range(round(CLOCK_WAIT_S / CLOCK_LOOK_S)):
            if self._times.is_set():
                break
            self._sleep(CLOCK_LOOK_S)
        self._has_clock = self._times.is_set()
        if not self._has_clock:
            logger.warning("no time came; going on by the node file's CA alone")
        try:
            self._ask()
        except ssl.SSLCertVerificationError as err:
            raise self._refused_certificate(err) from err

    def _ask(self) -> None:
        """One request. Raises EnrolmentError, ssl.SSLCertVerificationError."""
        url = urlsplit(self._file.hub.url)
        where = url.netloc
        connection = self._connection()
        try:
            connection.connect()
            if isinstance(connection.sock, ssl.SSLSocket):
                trust.check_end(connection.sock, self._times.utc())
            connection.request(
                "POST", enrolment.PATH, self._body, {"Content-Type": "application/json"}
            )
            with connection.getresponse() as answer:
                status, body = answer.status, answer.read(enrolment.MAX_BYTES + 1)
        except ssl.SSLCertVerificationError:
            raise
        except trust.EndedCertificateError as err:
            raise EnrolmentError(f"{where}: {err}", hint=err.hint) from err
        except (OSError, http.client.HTTPException) as err:
            reason = (err.strerror if isinstance(err, OSError) else "") or str(err)
            raise EnrolmentError(
                f"the hub does not answer at {where}: {reason or type(err).__name__}",
                hint="is this box in the network, the hub on, and its port open in the firewall?",
                is_retryable=True,
            ) from err
        finally:
            connection.close()
        if status != http.client.OK:
            raise _refusal(where, status, body)
        self._check(body)

    def _connection(self) -> http.client.HTTPConnection:
        url = urlsplit(self._file.hub.url)
        if self._file.ca is None or url.scheme == "http":
            return http.client.HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT_S)
        context = trust.context(self._file.ca, has_clock=self._has_clock)
        return http.client.HTTPSConnection(
            url.hostname or "", url.port, timeout=TIMEOUT_S, context=context
        )

    def _check(self, body: bytes) -> None:
        """Whether it was our hub that said yes. Raises EnrolmentError."""
        mine = self._key.public.text
        try:
            taken = enrolment.decode_taken(body)
            said = enrolment.taken_bytes(self._file.node, self._file.token, mine)
            is_ours = (taken.node, taken.key) == (self._file.node, mine) and self._hub_key.verify(
                said, enrolment.signature_of(taken)
            )
        except ContractError:
            is_ours = False
        if not is_ours:
            raise EnrolmentError(
                "what answered is not the hub of this node file: its signature is wrong",
                hint="make a new node file at the hub",
            )

    def _refused_certificate(self, err: ssl.SSLCertVerificationError) -> EnrolmentError:
        where = urlsplit(self._file.hub.url).netloc
        now = self._times.utc().strftime("%Y-%m-%d %H:%M")
        return EnrolmentError(
            f"the certificate of {where} is refused: {err.verify_message}; it is {now} UTC here",
            hint="is that the hub, by the name that is in its certificate, and this box's clock"
            " right? else make a new node file at the hub",
        )


def _request(file: NodeFile, key: PrivateKey, secret: str) -> bytes:
    mine = key.public.text
    said = enrolment.asked_bytes(file.node, file.token, file.hub_key, mine, secret)
    signature = base64.b64encode(key.sign(said)).decode("ascii")
    return enrolment.encode(
        enrolment.Request(
            names.VERSION, file.node, file.token, file.hub_key, mine, secret, signature
        )
    )


def _refusal(where: str, status: int, body: bytes) -> EnrolmentError:
    """What the hub said, for people; it comes from the network, so it is cut and cleaned.

    The hub refuses a token for good by 403 (hub/api/enrol.py); a 403 that is not in its form may be
    of a proxy before it, and pass.
    """
    try:
        told = json.loads(body)
        message = str(told["message"])
        is_told = isinstance(told["error"], str)
    except (ValueError, TypeError, KeyError):
        message, is_told = f"status {status}", False
    message = names.shorten(message, enrolment.MAX_REFUSAL_CHARS)
    message = "".join(each for each in message if each.isprintable())
    reason, _, hint = message.partition("; ")
    said = f"the hub at {where} says: {reason}"
    hint = hint or "look at the hub's page of this node"
    if status == http.client.FORBIDDEN and is_told:
        return RefusedTokenError(said, hint=hint)
    return EnrolmentError(said, hint=hint, is_retryable=status not in FINAL or status == TOO_MANY)
