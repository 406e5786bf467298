"""QR codes (ISO/IEC 18004) of node files. Level L: the code is read once, from a screen or clean
paper, and fewer modules are read from farther away."""

from __future__ import annotations

import io

import segno

from edge.base.errors import CamwatchError
from edge.contract import nodefile
from edge.contract.nodefile import NodeFile

PNG_SCALE = 6  # pixels a module
QUIET_MODULES = 4  # ISO/IEC 18004 section 6.3.8


class QrError(CamwatchError):
    """The node file is too large for a QR code."""


def png(file: NodeFile) -> bytes:
    """The node file's QR code as PNG. Raises QrError."""
    out = io.BytesIO()
    _code(file).save(out, kind="png", scale=PNG_SCALE, border=QUIET_MODULES)
    return out.getvalue()


def svg(file: NodeFile) -> bytes:
    """The same as an SVG document."""
    out = io.BytesIO()
    _code(file).save(out, kind="svg", scale=PNG_SCALE, border=QUIET_MODULES, light="#fff")
    return out.getvalue()


def inline(file: NodeFile) -> str:
    """The same as an SVG element for a page, that fills its place."""
    return _code(file).svg_inline(border=QUIET_MODULES, light="#fff", omitsize=True)


def terminal(file: NodeFile) -> str:
    """The same in half blocks, for a terminal."""
    out = io.StringIO()
    _code(file).terminal(out, border=QUIET_MODULES, compact=True)
    return out.getvalue()


def _code(file: NodeFile) -> segno.QRCode:
    try:
        return segno.make_qr(nodefile.to_text(file), error="l", boost_error=False)
    except segno.DataOverflowError as err:
        raise QrError(
            f"the node file of {file.node} is too large for a QR code",
            hint="hand over the file itself; fewer cameras or a CA with a P-256 key are smaller",
        ) from err
