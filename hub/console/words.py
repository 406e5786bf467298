"""The words of the archive and the contract, as people read them. All pages use these, so that one
thing has one name; a word that is not here is shown as it came."""

from __future__ import annotations

from typing import Literal

from hub.console.node_sentences import NODE_SENTENCES
from hub.console.page_faults import PAGE_FAULTS
from hub.console.registry_faults import FAULTS
from hub.console.texts import Texts

Look = Literal["good", "warn", "bad", ""]
"""How a state is drawn: with its shape and colour in console.css."""


def _(text: str) -> str:
    """Marks a text for translation."""
    return text


WORDS: dict[str, dict[str, str]] = {
    "role": {
        "viewer": _("viewer"),
        "operator": _("operator"),
        "administrator": _("administrator"),
    },
    "condition": {
        "watching": _("watching"),
        "lost": _("no pictures"),
        "blind": _("not watching"),
        "offline": _("not connected"),
        "silent": _("no word"),
        "new": _("not heard of yet"),
    },
    "counter": {
        "alarm.enrolment": _("a second box came with the same node file"),
    },
    "node": {
        "online": _("connected"),
        "offline": _("not connected"),
        "never seen": _("not heard of yet"),
    },
    "kind": {
        "motion": _("motion"),
        "tampered": _("tampered with"),
        "lost": _("camera lost"),
    },
    "mark": {
        "new": _("new"),
        "seen": _("seen"),
        "confirmed": _("confirmed"),
        "false_alarm": _("false alarm"),
    },
    "event": {"open": _("going on"), "ended": _("ended")},
    "cause": {
        "connecting": _("connecting to the camera"),
        "lost": _("the camera sends nothing"),
        "stream_lost": _("the camera sends nothing"),
        "frozen": _("the picture stands still"),
        "black": _("the picture is black"),
        "tampered": _("somebody meddled with the camera"),
        "storage": _("the node cannot write"),
        "disarmed": _("switched off on purpose"),
        "overload": _("the node is too slow"),
        "starting": _("the node is starting"),
        "stopped": _("the node was stopped"),
        "node_off": _("the node was off"),
        "records_missing": _("records are missing"),
        "not_heard": _("the node has not told yet"),
        "clock_unknown": _("the node's clock was not set"),
        "clock_stepped": _("the node's clock was moved"),
    },
    "reason": {
        "quiet": _("nothing moved any more"),
        "camera_lost": _("the camera was lost"),
        "found": _("the camera was back"),
        "stopped": _("the node was stopped"),
        "interrupted": _("the node was interrupted"),
    },
    "tampering": {
        "covered": _("the lens is covered"),
        "defocused": _("the picture is out of focus"),
        "moved": _("the camera was turned or moved"),
        "blinded": _("a bright light blinds the camera"),
        "frozen": _("the picture stands still"),
        "black": _("the picture is black"),
    },
    "tamper_outcome": {
        "restored": _("the camera sees as before"),
        "accepted": _("the new view was taken for the camera's own"),
    },
    "loss": {
        "quota": _("the node had no room left for it"),
        "missing": _("the file was gone from the node's disk"),
    },
    "clock": {
        "synced": _("set from the network"),
        "holdover": _("was set, runs on by itself"),
        "unsynced": _("was not set"),
    },
    "watch": {
        "watched": _("watched"),
        "partly": _("partly watched"),
        "blind": _("not watched"),
        "unknown": _("not known"),
    },
    "side": {
        "left": _("left"),
        "right": _("right"),
        "top": _("top"),
        "bottom": _("bottom"),
        "inside": _("within the picture"),
    },
    "way": {
        "left": _("to the left"),
        "right": _("to the right"),
        "up": _("upwards"),
        "down": _("downwards"),
    },
    "deed": {
        "login": _("logged in"),
        "logout": _("logged out"),
        "access": _("tried what is not allowed"),
        "event.view": _("looked at an event"),
        "event.mark": _("marked an event"),
        "event.note": _("noted something of an event"),
        "snapshot.view": _("looked at a picture"),
        "clip.play": _("played a clip"),
        "clip.download": _("downloaded a clip"),
        "live.view": _("looked live"),
        "camera.picture": _("had a camera take a picture"),
        "audit.view": _("read this list"),
        "user.add": _("added a user"),
        "user.first": _("made the first administrator"),
        "user.invite": _("made a link for a user"),
        "user.password": _("chose a password"),
        "user.change": _("changed a user"),
        "user.disable": _("disabled a user"),
        "user.enable": _("enabled a user"),
        "token.add": _("made a token"),
        "token.revoke": _("ended a token"),
        "token.use": _("used a token"),
        "registry.change": _("changed the registry"),
        "settings.change": _("changed a node's settings"),
        "registry.export": _("exported the registry"),
        "account.add": _("made an account for a program or a node"),
        "filter.change": _("changed a saved filter"),
        "archive.accept": _("had a folder hold the archive"),
        "node.add": _("made a node file for a new node"),
        "node.replace": _("made a node file for a new box"),
        "node.revoke": _("shut a node out"),
        "node.enrol": _("joined as a node"),
        "release.trust": _("trusted a maker of releases"),
        "release.distrust": _("trusted a maker of releases no more"),
        "release.add": _("took in a release"),
        "release.remove": _("removed a release"),
        "rollout.begin": _("began a roll-out"),
        "rollout.pause": _("paused a roll-out"),
        "rollout.resume": _("went on with a roll-out"),
        "rollout.abort": _("gave up a roll-out"),
        "rollout.group": _("changed a group of nodes"),
        "rollout.next": _("roll-out: the next stage began"),
        "rollout.stopped": _("roll-out: it stopped by itself"),
        "rollout.done": _("roll-out: it is done"),
    },
    "rollout": {
        "running": _("under way"),
        "paused": _("paused"),
        "stopped": _("stopped: a node could not take it"),
        "aborted": _("given up"),
        "done": _("done"),
    },
    "update": {
        "ordered": _("ordered"),
        "idle": _("nothing to do"),
        "waiting": _("waiting"),
        "downloading": _("fetching it"),
        "installing": _("installing it"),
        "on_trial": _("on trial"),
        "good": _("runs well"),
        "returned": _("taken back"),
        "refused": _("refused"),
        "failed": _("failed"),
    },
    "outcome": {
        "done": _("done"),
        "refused": _("refused"),
    },
    "by": {
        "session": _("at a browser"),
        "token": _("by a token"),
        "password": _("by password"),
        "link": _("by a one-time link"),
        "command": _("by command on the hub"),
        "nobody": _("not known"),
    },
    "range": {
        "day": _("a day"),
        "week": _("a week"),
        "months": _("two months"),
    },
    "quantity": {
        "watching": _("cameras watched"),
        "cpu_percent": _("processor, % of a core"),
        "memory_mb": _("memory, MB"),
        "temperature_c": _("temperature, °C"),
        "bits_mb": _("camera streams, Mbit/s"),
        "waiting_records": _("records waiting"),
        "waiting_clips_mb": _("clips waiting, MB"),
        "disk_free_gb": _("disk free, GB"),
        "clock_error_ms": _("error of the clock, ms"),
    },
    "gap": {
        "missing": _("missing"),
        "lost": _("lost"),
    },
    "gap_cause": {
        "corrupt": _("the node's journal was damaged"),
        "quota": _("the node had no room left for it"),
        "storage": _("the node's disk failed"),
    },
    "file": {
        "clip": _("clip lost"),
        "snapshot": _("picture lost"),
    },
    "area": {
        "town": _("town or ward"),
        "group": _("residential group"),
        "cluster": _("residential cluster"),
        "household": _("household"),
    },
    "organisation": {
        "agency": _("agency"),
        "firm": _("firm"),
        "school": _("school"),
        "association": _("association"),
        "other": _("other"),
    },
    "table": {
        "area": _("Area"),
        "areas": _("Areas"),
        "organisation": _("Organisation"),
        "organisations": _("Organisations"),
        "camera": _("Camera"),
        "cameras": _("Cameras"),
        "plan": _("Plan"),
    },
    "field": {
        "code": _("Code"),
        "kind": _("Level"),
        "name": _("Name"),
        "parent": _("Part of"),
        "from": _("First day"),
        "until": _("Ended on"),
        "into": _("Became part of"),
        "type": _("Type"),
        "contact": _("Whom to call"),
        "phone": _("Telephone"),
        "email": _("E-mail"),
        "note": _("Note"),
        "node": _("Node"),
        "camera": _("Camera"),
        "title": _("What people call it"),
        "area": _("Area"),
        "organisation": _("Organisation"),
        "since": _("From the day"),
        "plan": _("Plan"),
        "x": _("From the left, %"),
        "y": _("From the top, %"),
    },
    "start": {
        "now": _("from now on"),
        "day": _("from a day on; places after it go"),
        "always": _("from the beginning; all other places go"),
    },
    "day": {
        "mon": _("Mon"),
        "tue": _("Tue"),
        "wed": _("Wed"),
        "thu": _("Thu"),
        "fri": _("Fri"),
        "sat": _("Sat"),
        "sun": _("Sun"),
    },
    "settings": {
        "wanted": _("sent, not answered yet"),
        "pending": _("the node prepares it"),
        "trial": _("in effect, on trial"),
        "applied": _("in effect"),
        "was": _("was in effect"),
        "refused": _("refused"),
        "rolled_back": _("taken back"),
    },
    "settings_reason": {
        "invalid": _("something in it does not fit"),
        "stream": _("the camera's pictures stopped"),
        "link": _("the connection to the hub was lost"),
        "crash": _("the node's software stopped"),
        "storage": _("the node's disk failed"),
    },
    "label": {
        "person": _("person"),
        "vehicle": _("vehicle"),
        "animal": _("animal"),
    },
}

LOOKS: dict[str, dict[str, Look]] = {
    "rollout": {"running": "warn", "paused": "warn", "stopped": "bad", "done": "good"},
    "update": {
        "ordered": "warn",
        "waiting": "warn",
        "downloading": "warn",
        "installing": "warn",
        "on_trial": "warn",
        "good": "good",
        "returned": "bad",
        "refused": "bad",
        "failed": "bad",
    },
    "condition": {
        "watching": "good",
        "lost": "bad",
        "blind": "bad",
        "offline": "bad",
        "silent": "warn",
    },
    "node": {"online": "good", "offline": "bad"},
    "kind": {"tampered": "bad"},
    "mark": {"new": "warn", "confirmed": "bad", "false_alarm": "", "seen": ""},
    "event": {"open": "warn"},
    "watch": {"watched": "good", "blind": "bad"},
    "settings": {
        "wanted": "warn",
        "pending": "warn",
        "trial": "warn",
        "applied": "good",
        "refused": "bad",
        "rolled_back": "bad",
    },
}


class Words:
    """The words in one language."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def of(self, family: str, word: str | None) -> str:
        """What people read for a word of a family; a dash for none."""
        if word is None:
            return "–"
        return self._texts.gettext(WORDS.get(family, {}).get(word, word))

    def fault(self, message: str) -> str:
        """What the registry's rules say, in the reader's language."""
        return FAULTS.said(self._texts, message)

    def refusal(self, message: object) -> str:
        """What is wrong with what was asked or sent, in the reader's language."""
        return PAGE_FAULTS.said(self._texts, str(message))

    def told(self, message: str) -> str:
        """What a node says of its troubles, in the reader's language as far as it is known."""
        return NODE_SENTENCES.said(self._texts, message)

    def why(self, cause: str | None, detail: str | None) -> str:
        """Why a camera was not watched."""
        if cause is None:
            return ""
        told = self.of("tampering", detail) if cause == "tampered" else self.told(detail or "")
        return self.of("cause", cause) + (f": {told}" if detail else "")

    def look(self, family: str, word: str | None) -> Look:
        """How it is drawn."""
        return LOOKS.get(family, {}).get(word or "", "")
