"""What a JPEG says of itself before anything of it is decoded (ITU-T T.81, annex B). Pure.

Cameras' pictures come from the network: whoever decodes them knows their size by then, and refuses
what would take more memory than a node has.
"""

from __future__ import annotations

START, END = b"\xff\xd8", b"\xff\xd9"
FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive, by Huffman: table B.1
OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}  # lossless, arithmetic, ...
BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
IMAGE_MARKERS = frozenset({0xD9, 0xDA})  # end, start of scan: a frame header comes before
MAX_SEGMENTS = 200  # before the frame header; cameras write a dozen
HEAD_BYTES = 8  # of a frame header, up to the number of components
COMPONENTS = frozenset({1, 3})  # gray, or luma with colours


def size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels. Raises ValueError for what is no JPEG that cameras make."""
    if not data.startswith(START):
        raise ValueError("no JPEG")
    at = len(START)
    for _ in range(MAX_SEGMENTS):
        while data[at : at + 2] == b"\xff\xff":  # fill bytes, B.1.1.2
            at += 1
        if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] in IMAGE_MARKERS:
            break
        marker = data[at + 1]
        if marker in FRAMES:
            return _frame_size(data[at + 4 : at + 4 + HEAD_BYTES])
        if marker in OTHER_FRAMES:
            raise ValueError("a JPEG of a kind that no browser shows")
        length = 0 if marker in BARE else int.from_bytes(data[at + 2 : at + 4], "big")
        at += 2 + length
    raise ValueError("a JPEG without a frame header")


def is_whole(data: bytes) -> bool:
    """Whether its end is there, whatever a camera adds behind it."""
    return data.rfind(END, max(0, len(data) // 2)) >= 0


def _frame_size(head: bytes) -> tuple[int, int]:
    """Out of a frame header from its precision on, B.2.2."""
    if len(head) < 6 or head[0] != 8 or head[5] not in COMPONENTS:
        raise ValueError("a JPEG that is not of 8 bits, gray or coloured")
    height, width = int.from_bytes(head[1:3], "big"), int.from_bytes(head[3:5], "big")
    if not width or not height:
        raise ValueError("a JPEG of no size")
    return width, height
