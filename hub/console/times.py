"""Times as people read them: in the hub's zone, with the offset on hover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from edge.base.clock import utc_text
from hub.console.texts import Language, Texts

DAY = {"vi": "%d/%m/%Y", "en": "%d %b %Y"}


@dataclass(frozen=True)
class Times:
    """Writes times for one visitor."""

    zone: ZoneInfo
    language: Language
    texts: Texts
    now_utc: datetime

    def moment(self, moment: datetime | None, *, has_day: bool = True) -> Markup:
        """Time of day, with the day where it is not today's; a dash for none."""
        if moment is None:
            return Markup("–")
        local = moment.astimezone(self.zone)
        text = f"{local:%H:%M:%S}"
        if has_day and local.date() != self.now_utc.astimezone(self.zone).date():
            text = f"{text} {self.day(moment)}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            utc_text(moment), f"{local:%Y-%m-%d %H:%M:%S} {self.offset(moment)}", text
        )

    def at_ms(self, moment_ms: int) -> Markup:
        """A moment in milliseconds since 1970 UTC."""
        return self.moment(datetime.fromtimestamp(moment_ms / 1000, UTC))

    def span(self, from_ms: int, to_ms: int) -> Markup:
        """From one time of day to another, in milliseconds since 1970 UTC."""
        first, last = (datetime.fromtimestamp(each / 1000, UTC) for each in (from_ms, to_ms))
        return Markup("{}–{}").format(
            self.moment(first, has_day=False), self.moment(last, has_day=False)
        )

    def text(self, moment: datetime) -> str:
        """Day and time of day, where no markup can be."""
        return f"{moment.astimezone(self.zone):%H:%M} {self.day(moment)}"

    def calendar(self, day: date) -> str:
        """A day of the calendar by its number, even if it is today."""
        return day.strftime(DAY[self.language])

    def date(self, day: date) -> str:
        """A day of the calendar; today and yesterday by their names."""
        age = (self.now_utc.astimezone(self.zone).date() - day).days
        if age in (0, 1):
            return self.texts.gettext("Yesterday") if age else self.texts.gettext("Today")
        return self.calendar(day)

    def day(self, moment: datetime) -> str:
        """The day alone."""
        return moment.astimezone(self.zone).strftime(DAY[self.language])

    def offset(self, moment: datetime) -> str:
        """UTC+07:00."""
        text = f"{moment.astimezone(self.zone):%z}"
        return f"UTC{text[:3]}:{text[3:5]}"

    def ago(self, moment: datetime | None) -> Markup:
        """How long ago, in the largest unit; the time itself on hover."""
        if moment is None:
            return Markup("–")
        local = moment.astimezone(self.zone)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            utc_text(moment),
            f"{local:%Y-%m-%d %H:%M:%S} {self.offset(moment)}",
            self._words(self.now_utc - moment),
        )

    def _words(self, age: timedelta) -> str:
        seconds = max(0, int(age.total_seconds()))
        texts = self.texts
        if seconds < 10:
            return texts.gettext("just now")
        if seconds < 60:
            return texts.ngettext("%(n)d second ago", "%(n)d seconds ago", seconds) % {"n": seconds}
        if seconds < 3600:
            n = seconds // 60
            return texts.ngettext("%(n)d minute ago", "%(n)d minutes ago", n) % {"n": n}
        if seconds < 86_400:
            n = seconds // 3600
            return texts.ngettext("%(n)d hour ago", "%(n)d hours ago", n) % {"n": n}
        n = seconds // 86_400
        return texts.ngettext("%(n)d day ago", "%(n)d days ago", n) % {"n": n}

    def number(self, value: float) -> str:
        """With as many places as matter, and the language's comma."""
        text = f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.1f}"
        return text.replace(".", ",") if self.language == "vi" else text

    def duration(self, millis: int | None) -> str:
        """How long, such as 4 s or 2 min 5 s; a dash for none."""
        if millis is None:
            return "–"
        texts = self.texts
        if millis < 10_000:
            number = f"{millis / 1000:.1f}"
            if self.language == "vi":
                number = number.replace(".", ",")
            return texts.gettext("%(n)s s") % {"n": number}
        minutes, seconds = divmod(round(millis / 1000), 60)
        if not minutes:
            return texts.gettext("%(n)s s") % {"n": seconds}
        hours, minutes = divmod(minutes, 60)
        if not hours:
            return texts.gettext("%(m)d min %(s)d s") % {"m": minutes, "s": seconds}
        return texts.gettext("%(h)d h %(m)d min") % {"h": hours, "m": minutes}
