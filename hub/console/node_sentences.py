"""What nodes say of their troubles, as people read it: of health's problems, of a lost camera, of
coverage. Nodes write plain English; each sentence that is not rare is known here by its pattern."""

from __future__ import annotations

from hub.console.sentences import Sentences


def _(text: str) -> str:
    """Marks a text for translation."""
    return text


_REASONS: dict[str, str] = {
    "unreachable": _("the camera cannot be reached"),
    "refused": _("the camera refuses"),
    "unauthorised": _("the camera refuses the password"),
    "not_found": _("the address at the camera is wrong"),
    "no_video": _("the camera sends no video"),
    "unsupported": _("the camera's format is not known"),
    "stalled": _("the camera stopped sending"),
    "broken": _("what the camera sends is damaged"),
    "ended": _("the camera ended the connection"),
    "covered": _("covered"),
    "out of focus": _("out of focus"),
    "not of its view any more": _("not of its view any more"),
    "blinded by light": _("blinded by light"),
    "frozen": _("frozen"),
    "black": _("black"),
}
_REASON = (
    "(?P<reason>unreachable|refused|unauthorised|not_found|no_video|unsupported|stalled|broken"
    "|ended)"
)
_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"the disk is nearly full: (?P<n>\d+) % free", _("the disk is nearly full: %(n)s %% free")),
    (
        r"the processor is hot: (?P<n>\S+) degrees Celsius",
        _("the processor is hot: %(n)s degrees Celsius"),
    ),
    (
        r"the board runs slower for heat or weak power",
        _("the board runs slower for heat or weak power"),
    ),
    (
        r"update from (?P<old>\S+) to (?P<new>\S+)",
        _("update from %(old)s to %(new)s"),
    ),
    (r"update to (?P<new>\S+) taken back", _("update to %(new)s taken back")),
    (r"camera (?P<camera>\S+) delivers nothing", _("camera %(camera)s delivers nothing")),
    (
        r"camera (?P<camera>\S+) shows a frozen picture",
        _("camera %(camera)s shows a frozen picture"),
    ),
    (
        r"camera (?P<camera>\S+) shows a black picture",
        _("camera %(camera)s shows a black picture"),
    ),
    (
        r"camera (?P<camera>\S+) sends more than this board can look at",
        _("camera %(camera)s sends more than this board can look at"),
    ),
    (
        r"camera (?P<camera>\S+) is not recorded: the disk does not take it",
        _("camera %(camera)s is not recorded: the disk does not take it"),
    ),
    (
        r"camera (?P<camera>\S+): its picture is (?P<reason>.+)",
        _("camera %(camera)s: its picture is %(reason)s"),
    ),
    (
        r"camera (?P<camera>\S+): overload: (?P<rest>.+)",
        _("camera %(camera)s: this board is too slow: %(rest)s"),
    ),
    (
        r"camera (?P<camera>\S+): an event was not recorded",
        _("camera %(camera)s: an event was not recorded"),
    ),
    (
        r"camera (?P<camera>\S+) sends nothing; (?P<rest>.+)",
        _("camera %(camera)s sends nothing any more; %(rest)s"),
    ),
    (r"camera (?P<camera>\S+) sends nothing", _("camera %(camera)s sends nothing any more")),
    (
        r"the way to the hub died, though the broker's port answers",
        _("the connection to the hub was lost, though its broker answers"),
    ),
    (
        r"camera (?P<camera>\S+), (sub_)?source: (?P<rest>[^(]+?)( \(.*\))?",
        _("camera %(camera)s, its new address: %(rest)s"),
    ),
    (r"camera (?P<camera>\S+)(, [^:]+)?: (?P<rest>.+)", _("camera %(camera)s: %(rest)s")),
    (
        r"settings: the disk does not take them: (?P<rest>.+)",
        _("settings: the disk does not take them: %(rest)s"),
    ),
    (r"schedules: (?P<rest>.+)", _("times of the week: %(rest)s")),
    (r"the node failed at it: (?P<rest>.+)", _("the node failed at it: %(rest)s")),
    (
        r"(?P<name>.+) hangs in spite of (?P<n>\d+) restarts",
        _("%(name)s hangs in spite of %(n)s restarts"),
    ),
    (
        r"the journal is kept in memory only: (?P<rest>.+)",
        _("the journal is kept in memory only: %(rest)s"),
    ),
    (r"clips cannot be written: (?P<rest>.+)", _("clips cannot be written: %(rest)s")),
    (
        r"what a crash cut short is not recovered yet: (?P<rest>.+)",
        _("what a crash cut short is not recovered yet: %(rest)s"),
    ),
    (r"events are not labelled: (?P<rest>.+)", _("events are not labelled: %(rest)s")),
    (
        r"traces of camera (?P<camera>\S+) are not kept: (?P<rest>.+)",
        _("traces of camera %(camera)s are not kept: %(rest)s"),
    ),
    (
        r"the hub refuses (?P<file>\S+): (?P<rest>.+)",
        _("the hub refuses %(file)s: %(rest)s"),
    ),
    (_REASON + r": (?P<rest>.+)", _("%(reason)s: %(rest)s")),
    (_REASON, _("%(reason)s")),
    (
        r"looked at half as often, and up to (?P<n>\d+) s in a row not at all",
        _("it is looked at half as often, and for up to %(n)s seconds in a row not at all"),
    ),
    (r"looked at half as often", _("it is looked at half as often")),
    (r"looked at a quarter as often", _("it is looked at a quarter as often")),
    (r"looked at an eighth as often", _("it is looked at an eighth as often")),
    (
        r"fewer than (?P<n>\S+) pictures a second come",
        _("fewer than %(n)s pictures a second come, too few to see who passes"),
    ),
    (
        r"fewer than (?P<n>\S+) pictures a second are looked at",
        _("fewer than %(n)s pictures a second are looked at, too few to see who passes"),
    ),
    # of older nodes
    (r"half of each second is looked at", _("half of each second is looked at")),
    (r"a quarter of each second is looked at", _("a quarter of each second is looked at")),
    (r"the camera refuses this user or password", _("the camera refuses this user or password")),
    (r"the camera forbids this user to watch", _("the camera forbids this user to watch")),
    (r"the camera does not know this path \(\d+\)", _("the camera does not know this path")),
    (r"the camera refuses the request", _("the camera refuses the request")),
    (
        r"the camera answers with a server error",
        _("the camera answers with an error of its own"),
    ),
    (r"nothing listens on this port", _("nothing listens on this port")),
    (r"no answer in time", _("no answer in time")),
    (r"the connection was closed at once", _("the connection was closed at once")),
    (r"what comes is no video stream", _("what comes is no video stream")),
    (r"no packet in time", _("nothing came in time")),
    (r"(no picture|nothing came) for (?P<n>\S+) s", _("no picture for %(n)s seconds")),
    (r"sound but no picture for (?P<n>\S+) s", _("sound, but no picture for %(n)s seconds")),
    (r"no keyframe within (?P<n>\S+) s", _("no whole picture within %(n)s seconds")),
    (
        r"the camera (closed|cut) the connection",
        _("the camera closed the connection"),
    ),
    (r"the settings ask for it", _("the settings ask for it")),
    (r"no two keyframes came yet", _("no two whole pictures came yet")),
    (
        r"it refreshes the picture in parts: no keyframe stands alone",
        _("it refreshes the picture in parts: no whole picture stands alone"),
    ),
    (
        r"the sizes of the packets are not learnt yet",
        _("the sizes of its packets are not learnt yet"),
    ),
    (
        r"clips\.ring_bytes holds too little of the stream to go back in",
        _("clips.ring_bytes holds too little of the stream to go back in"),
    ),
    (
        r"keyframes look unlike what is between them",
        _("whole pictures look unlike what is between them"),
    ),
    (
        r"keyframes come (?P<n>\S+) s apart",
        _("whole pictures come %(n)s seconds apart"),
    ),
    (
        r"of (?P<n>\d+) events the sizes showed (?P<late>\d+) too late",
        _("of %(n)s events the sizes of packets showed %(late)s too late"),
    ),
    (
        r"the sizes show a small walker: (?P<n>\d+) bytes a picture are noticed, it adds"
        r" (?P<walker>\d+)",
        _("the sizes of packets show a small walker: it adds %(walker)s bytes, %(n)s are noticed"),
    ),
    (
        r"the sizes do not show a small walker: (?P<n>\d+) bytes a picture are noticed, it adds"
        r" (?P<walker>\d+)",
        _("the sizes of packets hide a small walker: it adds %(walker)s bytes, %(n)s are noticed"),
    ),
    (r"Motion JPEG: the scene is not learnt yet", _("Motion JPEG: the scene is not learnt yet")),
    (
        r"Motion JPEG: while nothing stirs, (?P<n>\S+) pictures a second do",
        _("Motion JPEG: while nothing stirs, %(n)s pictures a second do"),
    ),
    (r"by settings", _("by its settings")),
    (
        r"the node stopped without warning; what came after the clip's end is missing",
        _("the node stopped without warning; what came after the clip's end is missing"),
    ),
    (
        r"the clock is not set: schedules wait, and the camera is on the safe side",
        _("the clock is not set: times of the week wait, and the camera watches"),
    ),
)  # fmt: skip
NODE_SENTENCES = Sentences(_PATTERNS, _REASONS, frozenset({"reason"}))
