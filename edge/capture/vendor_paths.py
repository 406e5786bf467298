"""Which path a camera's small stream has, by the path of its main one. Pure; for `substream` only.

Where a camera does not answer by ONVIF, its maker's custom is the next best thing to ask. What is
returned are guesses, each of which has to be opened before it is believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult

MAX_GUESSES = 4
Rewrite = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Custom:
    """One maker's custom: what is changed in path and query. `source` is where that is written."""

    maker: str
    main: str
    sub: Rewrite
    source: str


def _sub_number(match: re.Match[str]) -> str:
    return f"{match[1]}02"


CUSTOMS = (
    Custom(
        "Hikvision", r"(?i)(/streaming/channels/\d{1,2})01(?=[/?]|$)", _sub_number,
        "enpinfo.hikvision.com, DESCRIBE: <ID> is channel*100 + stream type, 2 the sub-stream",
    ),
    Custom(
        "Hikvision until 2012, EZVIZ", r"(/ch\d+/)main(?=/av_stream)", r"\1sub",
        "programmerteach.com, RTSP configure rules: <videotype>/ch<id>/<streamtype>/av_stream",
    ),
    Custom(
        "Dahua, Amcrest, IMOU", r"(?<=[?&]subtype=)0(?=&|$)", "1",
        "blog.router-switch.com, RTSP formats of hot brands: subtype 0 main, 1 auxiliary",
    ),
    Custom(
        "Reolink, H.265 main", r"/h265Preview_(\d+)_main", r"/h264Preview_\1_sub",
        "support.reolink.com 900000638523: main H.265, sub H.264 on 8 megapixels",
    ),
    Custom(
        "Reolink", r"(Preview_\d+)_main", r"\1_sub",
        "danielwoz/ubiquiti-protect-onvif-event-listener#6: Preview_01_main, Preview_01_sub",
    ),
    Custom(
        "Uniview", r"(/(?:media/)?video)1(?=[/?]|$)", r"\g<1>2",
        "blog.router-switch.com, RTSP formats of hot brands: video1, 2, 3 main, secondary, third",
    ),
    Custom(
        "Uniview recorders", r"(/unicast/c\d+/s)0(?=/live)", r"\g<1>1",
        "mofulls.pixnet.net 351191279: s0 main, s1 auxiliary",
    ),
    Custom(
        "TP-Link Tapo and VIGI", r"/stream1(?=[/?]|$)", "/stream2",
        "gist.github.com/schauveau, Tapo C500: stream1, and stream2 in 640x360",
    ),
    Custom(
        "Huawei", r"(/LiveMedia/ch\d+/Media)1(?=[/?]|$)", r"\g<1>2",
        "cnblogs.com, cherishthepresent 16584425: Media1 main, Media2 sub",
    ),
    Custom(
        "Infinova", r"/h264major(?=[/?]|$)", "/h264minor",
        "cnblogs.com, cherishthepresent 16584425: h264major main, h264minor sub",
    ),
    Custom(
        "Santachi", r"(/av\d+)_0(?=[/?]|$)", r"\1_1",
        "cnblogs.com, cherishthepresent 16584425: av0_0 main, av0_1 sub",
    ),
    Custom(
        "XM and its brands", r"(_stream=)0(?=\.sdp)", r"\g<1>1",
        "vutlan.atlassian.net, IP cameras, has stream=0.sdp; that 1 is the sub, by custom",
    ),
    Custom(
        "AMLINK", r"(?i)(?<=[?&]streamtype=)0(?=&|$)", "1",
        "support.amlinksecurity.com, accessing products using RTSP: 0 main, 1 sub",
    ),
    Custom(
        "AVYCON", r"/profile1(?=[/?]|$)", "/profile2",
        "avycon.freshdesk.com 36000299004: 1 main, 2 sub",
    ),
    Custom(
        "AVYCON, and a common custom", r"/main(?=[/?]|$)", "/sub",
        "avycon.freshdesk.com 36000328602: main, sub, third",
    ),
    Custom(
        "cameras of HiSilicon's kit", r"/11(?=[/?]|$)", "/12", "a common custom, of no one maker",
    ),
)  # fmt: skip
_AXIS = re.compile(r"^/(?:onvif|axis)-media/media\.amp$")
_RESOLUTION = re.compile(r"(?<![\w.-])resolution=[^&]*")
_AXIS_SIZES = ((16 / 9, "640x360"), (4 / 3, "640x480"), (16 / 10, "640x400"), (1.0, "480x480"))


def guesses(main: SplitResult, width: int, height: int) -> list[SplitResult]:
    """Addresses at which a camera with this main stream, of that size, may have a smaller one."""
    if _AXIS.match(main.path):
        return [_axis(main, width / height)]
    target = main.path + (f"?{main.query}" if main.query else "")
    found: list[SplitResult] = []
    for custom in CUSTOMS:
        changed, count = re.subn(custom.main, custom.sub, target, count=1)
        path, _, query = changed.partition("?")
        guess = main._replace(path=path, query=query)
        if count and guess not in found:
            found.append(guess)
    return found[:MAX_GUESSES]


def _axis(main: SplitResult, aspect: float) -> SplitResult:
    """Axis cameras encode whichever size is asked for (developer.axis.com, RTSP endpoints)."""
    size = min(_AXIS_SIZES, key=lambda each: abs(each[0] - aspect))[1]
    kept = [each for each in main.query.split("&") if each and not _RESOLUTION.match(each)]
    return main._replace(query="&".join([*kept, f"resolution={size}"]))
