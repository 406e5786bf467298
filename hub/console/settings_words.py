"""Changes of settings in words: what was changed, from what to what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.console.camera_settings_view import Difference, is_absent
from hub.console.texts import Texts
from hub.console.words import Words


def _(text: str) -> str:
    """Marks a text for translation."""
    return text


NAMES: dict[str, str] = {
    "armed": _("Camera"),
    "disarmed_by": _("Who wants it off, and why"),
    "schedules": _("Times of the week"),
    "classify": _("Labels of what moved"),
    "source": _("Address"),
    "sub_source": _("Address of the small stream"),
    "user": _("User at the camera"),
    "transport": _("How pictures travel"),
    "stall_timeout_s": _("Seconds without a picture until it counts as lost"),
    "motion.sensitivity": _("Sensitivity"),
    "motion.zones": _("Zones"),
    "motion.masks": _("Masks"),
    "motion.min_area": _("Smallest thing, % of the picture"),
    "motion.min_frames": _("Pictures with motion before an event"),
    "motion.quiet_s": _("Seconds of rest that end an event"),
    "motion.decode": _("Which pictures are looked at"),
    "motion.analysis_fps": _("Pictures looked at a second"),
    "clips.pre_roll_s": _("Before the motion, seconds"),
    "clips.post_roll_s": _("After the motion, seconds"),
    "clips.max_length_s": _("Longest part of a clip, seconds"),
    "clips.ring_bytes": _("Memory for packets, bytes"),
    "clips.audio": _("With the camera’s sound"),
    "tamper.enabled": _("Tells of tampering"),
    "tamper.sensitivity": _("How soon it tells of tampering"),
    "tamper.pre_roll_s": _("Seconds kept from before a tampering"),
}
PERCENTS = frozenset({"motion.min_area"})
SECRET = frozenset({"source", "sub_source", "user"})


class SettingsWords:
    """In one language."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._words = Words(texts)

    def said(self, difference: Difference) -> str:
        """One line, such as `Sensitivity: 5 → 4`."""
        path, before, after = difference.path, difference.before, difference.after
        name = self.name(path)
        if path == "motion.zones" and isinstance(after, list):
            told = self._zones(before if isinstance(before, list) else [], after)
            return f"{name}: {told}"
        if path in SECRET:
            return f"{name}: {self._texts.gettext('changed')}"
        return f"{name}: {self._value(path, before)} → {self._value(path, after)}"

    def name(self, path: str) -> str:
        """What people call a setting; its path where it has no name."""
        return self._texts.gettext(NAMES.get(path, path))

    def _zones(self, before: Sequence[Mapping[str, object]], after: Sequence[object]) -> str:
        old = {str(each.get("name")): each for each in before}
        new = {str(each.get("name")): each for each in after if isinstance(each, Mapping)}
        gettext = self._texts.gettext
        parts = [
            *(gettext(_("new %(name)s")) % {"name": name} for name in new if name not in old),
            *(gettext(_("without %(name)s")) % {"name": name} for name in old if name not in new),
            *(
                gettext(_("%(name)s changed")) % {"name": name}
                for name in new
                if name in old and dict(old[name]) != dict(new[name])
            ),
        ]
        return ", ".join(parts) or gettext(_("in another order"))

    def _value(self, path: str, value: object) -> str:
        gettext = self._texts.gettext
        if is_absent(value):
            return gettext(_("the node’s own"))
        if path == "armed":
            return gettext(_("watches") if value else _("is switched off"))
        if isinstance(value, bool):
            return gettext(_("yes") if value else _("no"))
        if value is None or value == []:
            return gettext(_("none"))
        if isinstance(value, list):
            return str(len(value))
        if path in PERCENTS and isinstance(value, int | float):
            return f"{value * 100:g}"
        return f"{value:g}" if isinstance(value, float) else str(value)
