"""Reads what a coded picture says of itself without decoding it: its kind, quantiser and padding.

One `SliceReader` per `VideoStream` and thread. Runs for every packet on a small computer, so it
looks at the first slice's beginning and searches the rest in C. Safe on any bytes: what cannot be
read is None, nothing is raised, and the work is bounded by the packet's size.
"""

from __future__ import annotations

from edge.media import extradata, h264_slice, hevc_slice, nal
from edge.media.coded import Coded
from edge.media.packet import VideoCodec, VideoStream

HEAD_BYTES = 64  # of a slice, looked at first: what cameras send is read in 10 to 20
LONG_HEAD_BYTES = 512  # looked at where that is not enough: weights of many references

START_CODE = b"\x00\x00\x01"
CABAC_ZERO_WORD = b"\x00\x00\x03"  # with its emulation prevention byte, H.264 7.3.2.11
ZERO_WORD_ENDS = (CABAC_ZERO_WORD, CABAC_ZERO_WORD + b"\x00")  # a start code's zero_byte may follow

# nal_unit_type, ITU-T H.264 table 7-1 and H.265 table 7-1; reserved slice types are no slices
H264_FILLER, HEVC_FILLER = 12, 38
SLICE_KINDS: dict[VideoCodec, frozenset[int]] = {
    "h264": frozenset({1, 2, 5}),  # of data partitions (2 to 4), the first has the header
    "hevc": frozenset({*range(10), *range(16, 22)}),
}
FILLER_KIND: dict[VideoCodec, int] = {"h264": H264_FILLER, "hevc": HEVC_FILLER}
FILLER_START: dict[VideoCodec, bytes] = {
    "h264": START_CODE + bytes((H264_FILLER,)),  # its nal_ref_idc is 0, 7.4.1
    "hevc": START_CODE + bytes((HEVC_FILLER << 1,)),
}

_OTHER, _SET, _SLICE, _FILLER = range(4)  # what a unit is to us


class SliceReader:
    """Reads the packets of one stream; learns parameter sets from extradata and in band."""

    def __init__(self, stream: VideoStream) -> None:
        codec = stream.codec
        if codec == "mjpeg":
            raise ValueError("Motion JPEG has no slices")
        self._headers = h264_slice.Headers() if codec == "h264" else hevc_slice.Headers()
        self._prefix_bytes = extradata.prefix_bytes(codec, stream.extradata)
        self._roles = bytes(_role(codec, first) for first in range(256))
        self._filler_start = FILLER_START[codec]
        self._last: dict[int, bytes] = {}
        for unit in extradata.parameter_sets(codec, stream.extradata):
            if self._roles[unit[0]] == _SET:
                self._take(unit)

    def read(self, data: bytes) -> Coded | None:
        """What one packet says of its picture; None where it cannot be read.

        Kind, quantiser, reference and layer are those of the first slice, also where a picture has
        several, or two fields. Parameter sets before that slice are learnt on the way.
        """
        if self._prefix_bytes:
            start, end, filler_bytes = self._walk(data)
        else:
            start, end = self._find_slice(data), len(data)
            filler_bytes = self._annexb_filler(data, start) if start >= 0 else 0
        if start < 0:
            return None
        head = data[start : min(start + HEAD_BYTES, end)]
        try:
            read = self._headers.read(self._cut(head))
        except ValueError:
            if end - start <= HEAD_BYTES:
                return None
            head = data[start : min(start + LONG_HEAD_BYTES, end)]
            try:
                read = self._headers.read(self._cut(head))
            except ValueError:
                return None
        return Coded(*read, filler_bytes)

    def _cut(self, head: bytes) -> bytes:
        """A slice's beginning, without the units behind it where it is short."""
        end = -1 if self._prefix_bytes else head.find(START_CODE)
        return head if end < 0 else head[:end]

    def _take(self, unit: bytes) -> None:
        """Take a parameter set into force; the same again costs a comparison."""
        if self._last.get(unit[0]) == unit:
            return
        self._last[unit[0]] = unit
        try:
            self._headers.take(unit)
        except ValueError:
            return  # damaged, or of a kind that is not read: its slices are refused

    def _find_slice(self, data: bytes) -> int:
        """Where the first slice begins in Annex B; -1 where there is none."""
        at = data.find(START_CODE)
        for _ in range(nal.MAX_UNITS):
            start = at + 3
            if at < 0 or start >= len(data):
                return -1
            role = self._roles[data[start]]
            if role == _SLICE:
                return start
            at = data.find(START_CODE, start)
            if role == _SET:
                self._take((data[start:at] if at >= 0 else data[start:]).rstrip(b"\x00"))
        return -1

    def _annexb_filler(self, data: bytes, start: int) -> int:
        """Bytes of padding behind the first slice, searched from the end: there it mostly is."""
        filler_bytes, end = 0, len(data)
        for _ in range(nal.MAX_UNITS):
            at = data.rfind(self._filler_start, start, end)
            if at < 0:
                break
            stop = data.find(START_CODE, at + 4, end)
            filler_bytes += (stop if stop >= 0 else end) - at
            end = at
        return filler_bytes + _zero_word_bytes(data, start, end)

    def _walk(self, data: bytes) -> tuple[int, int, int]:
        """The first slice's start (-1 where there is none) and end, and the bytes of padding."""
        size, prefix_bytes, roles = len(data), self._prefix_bytes, self._roles
        first = first_end = last = last_end = -1
        filler_bytes = at = 0
        for _ in range(nal.MAX_UNITS):
            start = at + prefix_bytes
            if start >= size:
                break
            end = start + int.from_bytes(data[at:start], "big")
            if end > size:
                break
            role = roles[data[start]] if end > start else _OTHER
            if role == _SLICE:
                last, last_end = start, end
                if first < 0:
                    first, first_end = start, end
            elif role == _FILLER:
                filler_bytes += end - at
            elif role == _SET and first < 0:
                self._take(data[start:end])
            at = end
        if last >= 0:
            filler_bytes += _zero_word_bytes(data, last, last_end)
        return first, first_end, filler_bytes


def _role(codec: VideoCodec, first: int) -> int:
    """What a unit with this first byte is to us."""
    kind = nal.kind_of(codec, bytes((first,)))
    if kind in SLICE_KINDS[codec]:
        return _SLICE
    if kind == FILLER_KIND[codec]:
        return _FILLER
    is_set = kind in nal.PARAMETER_KINDS[codec] and kind != nal.HEVC_VPS
    return _SET if is_set else _OTHER


def _zero_word_bytes(data: bytes, start: int, end: int) -> int:
    """Bytes of the cabac_zero_words at the end of a slice; 3 is the last byte of some slices."""
    if not data.endswith(ZERO_WORD_ENDS, start, end):
        return 0
    tail = data[start:end]
    return (len(tail) - len(tail.rstrip(b"\x00\x03"))) // 3 * 3
