"""What is wrong with the registry, a spreadsheet, or a node to be, as people read it. The rules
write plain English; each sentence that an operator can come upon is known here by its pattern."""

from __future__ import annotations

from hub.console.sentences import Sentences


def _(text: str) -> str:
    """Marks a text for translation."""
    return text


_KINDS = "town|group|cluster|household"
_TABLES = "area|organisation|plan"
_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"it is empty", _("it is empty")),
    (r"(?P<n>\d+) characters, at most (?P<most>\d+)", _("%(n)s characters, at most %(most)s")),
    (r"line breaks and control .*", _("line breaks and control characters cannot stand in it")),
    (
        r"(?P<word>'.*') is none: lower-case .* at most (?P<most>\d+)",
        _("%(word)s is none: lower-case letters, digits and -, at most %(most)s"),
    ),
    (r"(?P<word>'.*') is none of (?P<some>.+)", _("%(word)s is none of %(some)s")),
    (rf"a (?P<kind>{_KINDS}) needs one", _("a %(kind)s needs one")),
    (
        rf"a (?P<kind>{_KINDS}) is not within a (?P<other>{_KINDS})",
        _("a %(kind)s is not within a %(other)s"),
    ),
    (
        rf"there is no (?P<table>{_TABLES}) (?P<word>'.*'); (?P<near>\S+)\?",
        _("there is no %(table)s %(word)s; %(near)s?"),
    ),
    (
        rf"there is no (?P<table>{_TABLES}|camera) (?P<word>.+)",
        _("there is no %(table)s %(word)s"),
    ),
    (r"it must be later than from", _("it must be later than the first day")),
    (
        r"its parent (?P<code>\S+) ends on (?P<day>\S+);.*",
        _("its parent %(code)s ends on %(day)s; end this one by then too, or give it another"),
    ),
    (
        r"only an area that ends.*",
        _("only an area that ends, on a day, becomes part of another"),
    ),
    (r"it leads back to (?P<code>\S+)", _("it leads back to %(code)s")),
    (
        r"(?P<word>'.*') is no number such as .*",
        _("%(word)s is no number such as 0236 3822 113"),
    ),
    (r"(?P<word>'.*') is no address", _("%(word)s is no address")),
    (r"it must be later than the place before", _("it must be later than the place before")),
    (
        r"plan, x and y are given together.*",
        _("plan, x and y are given together or not at all"),
    ),
    (r"(?P<n>\S+) is not from 0 to 1", _("%(n)s is not from 0 to 1")),
    (
        r"(?P<word>'.*') is not a day such as .*",
        _("%(word)s is not a day such as 2026-01-31"),
    ),
    (
        r"(?P<word>'.*') is not a number from 0 to (?P<most>\d+)",
        _("%(word)s is not a number from 0 to %(most)s"),
    ),
    (r"line (?P<line>\d+) has it already", _("line %(line)s has it already")),
    (r"an earlier line calls it (?P<word>'.*')", _("an earlier line calls it %(word)s")),
    (r"the column (?P<name>\S+) is missing", _("the column %(name)s is missing")),
    (r"the column (?P<name>.+) is there twice", _("the column %(name)s is there twice")),
    (
        r"the column (?P<name>'.*') is not known; there are (?P<some>.+)",
        _("the column %(name)s is not known; there are %(some)s"),
    ),
    (
        r"the column (?P<name>'.*') is not known; (?P<near>\w+)\?",
        _("the column %(name)s is not known; %(near)s?"),
    ),
    (
        r"(?P<n>\d+) cells, (?P<columns>\d+) columns",
        _("%(n)s cells, %(columns)s columns"),
    ),
    (r"it is not UTF-8", _("it is not UTF-8; save the file as CSV UTF-8")),
    (
        rf"(?P<table>{_TABLES}) (?P<code>\S+) is needed by (?P<users>.+)",
        _("%(table)s %(code)s is needed by %(users)s"),
    ),
    (r"there is footage of (?P<cameras>.+)", _("there is footage of %(cameras)s")),
    (r"picture: it is neither PNG nor JPEG", _("the picture is neither PNG nor JPEG")),
    (
        r"picture: it has (?P<size>.+), at most (?P<most>.+) are kept",
        _("the picture has %(size)s, at most %(most)s are kept"),
    ),
    (
        r"picture: (?P<size>\d+x\d+) pixels, at most (?P<most>\d+) a side",
        _("the picture has %(size)s pixels, at most %(most)s a side"),
    ),
    (
        r"(?P<word>'.*') cannot be a node's name: .* at most (?P<most>\d+)",
        _("%(word)s cannot be a node's name: lower-case letters, digits and -, at most %(most)s"),
    ),
    (
        r"((?P<name>[a-z0-9-]+): )?there is a node of that name already",
        _("there is a node of that name already; its page makes a node file for a new box"),
    ),
    (r"(?P<name>\S+): there is no such node", _("there is no such node: %(name)s")),
    (r"(?P<name>\S+): a reader has that name", _("a reader has that name: %(name)s")),
    (
        r"(?P<name>\S+): a place belongs to a camera, and none is given",
        _("a place belongs to a camera, and none is given"),
    ),
    (
        r"a place belongs to a camera; give its address",
        _("a place belongs to a camera, and none is given"),
    ),
    (
        r"(.*source: )?a camera needs its address|it is needed where there is a \S+",
        _("a camera needs its address"),
    ),
    (
        r"(.*: )?((sub_)?source: )?no kind of source is known for (?P<word>\S+): .*",
        _("%(word)s is no camera's address; such as rtsp://192.0.2.10/stream1"),
    ),
    (r"(.*: )?((sub_)?source: )?the address names no host", _("the address names no host")),
    (
        r"(.*: )?((sub_)?source: )?exec: cannot come with a node file; .*",
        _("a command cannot come with a node file; set it on the node"),
    ),
    (
        r"(.*: )?sub_source: it is the same as source; .*",
        _("the small stream has the same address as the large one"),
    ),
    (
        r"(?P<name>\S+) has a camera (?P<camera>\S+) already|cameras: two cameras have the name"
        r" (?P<twice>\S+)",
        _("two of its cameras have the same name"),
    ),
    (
        r"(.*: )?((sub_)?source: )?neither an address such as .*",
        _("neither an address such as rtsp://192.0.2.10/stream1 nor the whole path of a file"),
    ),
    (r"a user at a camera needs one", _("a user at a camera needs a password")),
    (r"(.*: )?user: a password needs one", _("a password needs a user name")),
    (r"there is no node in it", _("there is no node in it")),
    (
        r"line (?P<line>\d+) has (?P<name>\S+) somewhere else",
        _("line %(line)s has %(name)s in another place"),
    ),
    (
        r"node files cannot be made: .*|nodes\.ca_file: .*",
        _("the hub's settings do not say how nodes reach it: nodes.url, nodes.ca_file"),
    ),
)
_NAMED: dict[str, str] = {
    "town": _("town or ward"), "group": _("residential group"),
    "cluster": _("residential cluster"), "household": _("household"),
    "area": _("area"), "organisation": _("organisation"), "plan": _("plan"),
    "camera": _("camera"),
}  # fmt: skip


FAULTS = Sentences(_SENTENCES, _NAMED, frozenset({"kind", "other", "table"}))
