"""What is wrong with a question, a note, a token or a roll-out, as people read it; each sentence
that the console's own pages come upon. Those of the registry: registry_faults.py."""

from __future__ import annotations

from hub.console.sentences import Sentences


def _(text: str) -> str:
    """Marks a text for translation."""
    return text


_NAMES = "node|camera|area|organisation|zone|label|release|group"
_STATES = "running|paused|stopped|aborted|done"
_ROLES = "viewer|operator|administrator"
_QUESTIONS: tuple[tuple[str, str], ...] = (
    (
        r"(?P<rest>.+) \(or it is outside of your scope\)",
        _("%(rest)s (or it is outside of what you may see)"),
    ),
    (r"it is given more than once", _("it is given more than once")),
    (
        r"it is given (?P<n>\d+) times, at most (?P<most>\d+) are taken",
        _("it is given %(n)s times, at most %(most)s are taken"),
    ),
    (r"it is longer than (?P<most>\d+) characters", _("it is longer than %(most)s characters")),
    (
        r"it is no word of a filter; these are: (?P<some>.+)",
        _("it is no word of a filter; these are: %(some)s"),
    ),
    (r"(?P<word>'.*'|\".*\") is none of (?P<some>.+)", _("%(word)s is none of %(some)s")),
    (
        r"(it )?is not a duration such as (?P<some>\S+, \S+) or (?P<last>\S+)",
        _("it is not a duration such as %(some)s or %(last)s"),
    ),
    (r"it is longer than any event", _("it is longer than any event")),
    (
        r"(?P<word>'.*'|\".*\") is not a time of day such as (?P<one>\S+)",
        _("%(word)s is not a time of day such as %(one)s"),
    ),
    (
        r"(?P<word>'.*'|\".*\") is not a time such as .*",
        _("%(word)s is not a time such as 2h, today, yesterday, 2026-01-31, 2026-01-31 14:30"),
    ),
    (
        r"it is not within the years (?P<first>\d+) to (?P<last>\d+)",
        _("it is not within the years %(first)s to %(last)s"),
    ),
    (r"it is not later than since", _("it is not later than the beginning")),
    (r"it is shorter than min_duration", _("it is shorter than the least duration")),
    (
        r"(?P<word>'.*'|\".*\") is not a page key such as .*",
        _("%(word)s is not the address of a page of this list"),
    ),
    (
        rf"there is no (?P<what>{_NAMES}) (?P<name>.*); (?P<rest>\S+(?: or \S+)*)\?",
        _("there is no %(what)s %(name)s; %(rest)s?"),
    ),
    (
        rf"there is no (?P<what>{_NAMES}) (?P<name>.*); there (?:is|are) (?P<some>.+)",
        _("there is no %(what)s %(name)s, but there is: %(some)s"),
    ),
    (
        r"there is no node (?P<name>\S+) that can be updated",
        _("there is no node %(name)s that can be updated"),
    ),
    (rf"there is no (?P<what>{_NAMES}) (?P<name>.+)", _("there is no %(what)s %(name)s")),
    (
        r"(?P<node>\S+) has no camera (?P<name>.+); it has (?P<some>.+)",
        _("%(node)s has no camera %(name)s; it has %(some)s"),
    ),
    (r"(?P<node>\S+) has no camera (?P<name>.+)", _("%(node)s has no camera %(name)s")),
    (r"(?P<rest>\S+(?: or \S+)*) or (?P<last>\S+)", _("%(rest)s or %(last)s")),
)
_ELSE: tuple[tuple[str, str], ...] = (
    (r"note: (?P<rest>.+)", _("Note: %(rest)s")),
    (r"name: (?P<rest>.+)", _("Name: %(rest)s")),
    (r"days?: (?P<rest>.+)", _("Days: %(rest)s")),
    (r"role: (?P<rest>.+)", _("Role: %(rest)s")),
    (r"it is empty", _("it is empty")),
    (
        r"it has (?P<n>\d+) characters, at most (?P<most>\d+) are kept",
        _("it has %(n)s characters, at most %(most)s are kept"),
    ),
    (
        r"it holds the control character (?P<code>\S+)",
        _("it holds the control character %(code)s"),
    ),
    (
        r"1 to (?P<most>\d+) (?:printable )?characters (?:on a line )?are needed",
        _("1 to %(most)s characters on one line are needed"),
    ),
    (
        r"(?P<n>\d+) filters are kept already; remove one first",
        _("%(n)s filters are kept already; forget one first"),
    ),
    (r"a day such as (?P<one>\S+) is needed", _("a day such as %(one)s is needed")),
    (
        r"since, until: a time of up to (?P<n>\d+) days is needed",
        _("a time of up to %(n)s days is needed"),
    ),
    (
        r"since, until: milliseconds since 1970 are needed",
        _("the address does not say a time"),
    ),
    (r"from 1 to (?P<most>\d+)", _("from 1 to %(most)s")),
    (
        rf"(?P<name>\S+) is (?P<has>{_ROLES}), so a token cannot be (?P<role>{_ROLES})",
        _("%(name)s is %(has)s, so a token cannot be %(role)s"),
    ),
    (
        r"(?P<name>\S+) cannot log in, so no token of theirs would be let in",
        _("%(name)s cannot log in, so no token of theirs would be let in"),
    ),
    (
        r"(?P<name>\S+) has (?P<n>\d+) tokens already",
        _("%(name)s has %(n)s tokens already; end old ones first"),
    ),
)
_ROLLOUTS: tuple[tuple[str, str], ...] = (
    (
        r"a stage may have to be well for 0 to (?P<n>\d+) days",
        _("a stage may have to be well for 0 to %(n)s days"),
    ),
    (r"(?P<word>'.*'|\".*\") is no number of minutes", _("%(word)s is no number of minutes")),
    (r"give 1 to (?P<most>\d+) stages", _("1 to %(most)s stages are needed")),
    (r"no node is in (?P<some>.+)", _("no node is in %(some)s")),
    (r"(?P<word>'.*'|\".*\") is no stage", _("%(word)s is no stage")),
    (r"another roll-out is open", _("another roll-out is open")),
    (r"no roll-out is open", _("no roll-out is open")),
    (rf"it is (?P<state>{_STATES})", _("Now it is: %(state)s")),
    (r"it changed in this moment", _("it changed in this moment")),
    (r"such as: (?P<forms>.+)", _("such as: %(forms)s")),
    (r"there are: (?P<some>.+); .*", _("there are: %(some)s")),
    (r"end it first: .*", _("end it first")),
    (r"look, and try again", _("look, and try again")),
    (r"camwatch-hub release nodes lists those that can", _("the list below has those that can")),
)
_NAMED: dict[str, str] = {
    "node": _("node"), "camera": _("camera"), "area": _("area"),
    "organisation": _("organisation"), "zone": _("zone"), "label": _("label"),
    "release": _("release"), "group": _("group"),
    "viewer": _("viewer"), "operator": _("operator"), "administrator": _("administrator"),
    "running": _("under way"), "paused": _("paused"), "aborted": _("given up"),
    "stopped": _("stopped: a node could not take it"), "done": _("done"),
}  # fmt: skip


PAGE_FAULTS = Sentences(
    (*_QUESTIONS, *_ELSE, *_ROLLOUTS), _NAMED, frozenset({"what", "has", "role", "state"})
)
