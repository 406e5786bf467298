"""TLS to a hub that the node file vouches for, on a box whose clock may never have been set.

The box trusts only the CA in its node file. With a clock that nobody has set, a certificate seems
to be not valid yet; such a box waits a while for the time from the network, and then goes on
without the start of validity: only who holds a key of that CA can pass, and the box would not know
better later. A certificate that has ended is never taken: an unset clock is behind, not ahead.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

from edge.base.errors import CamwatchError, ConfigError

NOT_YET_VALID = 9  # OpenSSL's x509_vfy.h, X509_V_ERR_CERT_NOT_YET_VALID
NO_CHECK_TIME = 0x200000  # the same, X509_V_FLAG_NO_CHECK_TIME


class EndedCertificateError(CamwatchError):
    """The hub's certificate has ended."""


def context(ca: str, *, has_clock: bool) -> ssl.SSLContext:
    """For connections to the hub; without a clock their certificate's dates are for `check_end`.

    Raises ConfigError.
    """
    try:
        made = ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError) as err:
        raise ConfigError(f"ca: the node file's certificate cannot be used: {err}") from err
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not has_clock:
        made.verify_flags = ssl.VerifyFlags(made.verify_flags | NO_CHECK_TIME)
    return made


def check_end(connection: ssl.SSLSocket, now_utc: datetime) -> None:
    """Raises EndedCertificateError where the server's certificate ended before `now_utc`."""
    text = (connection.getpeercert() or {}).get("notAfter")
    if isinstance(text, str):
        end_utc = datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
        if end_utc < now_utc:
            raise EndedCertificateError(
                f"the hub's certificate ended on {end_utc:%Y-%m-%d}", hint="renew it at the hub"
            )
