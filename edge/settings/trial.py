"""How a version does: whether it killed a stream or the way to the hub, and may be blamed. Pure.

What lived before and does not after is not enough: cameras and networks fail by themselves. So
- only streams that the version starts anew are looked at, and only those that lived before it;
- a new address is rehearsed first, beside the old stream: if that lives on while the new one does
  not come, the address is to blame, and nothing was lost; if both are dead, it is not;
- once in effect, a stream that does not come is blamed on the version unless the network is in
  doubt: another camera was lost in the same minute, or the hub is out of reach, port and all;
- the way to the hub is none of a version's settings, so it can only be starved: it is blamed where
  the broker's port answers, and the connection does not stand all the same. A line on which nothing
  comes any more is noticed after 20 to 40 s (MQTT's keep alive), so a watch at whose end the hub is
  out of reach goes on until it is known which it is: 85 s at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PROOF_S = 10.0  # for which packets must come until a stream counts as alive
STREAM_S = 40.0  # within which a stream must come: connecting, and the longest GOP
LINK_S = 40.0  # for which the hub must be out of reach
WATCH_S = 45.0  # for which a version in effect is watched

Verdict = Literal["wait", "good", "stream", "link?"]
"""link?: the broker's port must be tried before the version is blamed."""


@dataclass
class Watch:
    """A version in effect, from `start_ns` on; `judged` are the cameras whose streams must come."""

    start_ns: int
    judged: frozenset[str]
    had_link: bool
    others: frozenset[str]
    """Cameras that the version does not touch and that lived when it came into effect."""
    proven: set[str] = field(default_factory=set)
    _since_ns: dict[str, int] = field(default_factory=dict)
    _offline_ns: int | None = None
    lost: tuple[str, ...] = ()
    """The cameras that a verdict of `stream` is about."""

    def look(self, now_ns: int, connected: Mapping[str, bool], *, is_online: bool) -> Verdict:
        """What can be said at this moment; `connected` names every camera."""
        for name in self.judged:
            if not connected.get(name):
                self._since_ns.pop(name, None)
            elif now_ns - self._since_ns.setdefault(name, now_ns) >= PROOF_S * 1e9:
                self.proven.add(name)
        if is_online:
            self._offline_ns = None
        elif self._offline_ns is None:
            self._offline_ns = now_ns
        if self._is_link_lost(now_ns):
            return "link?"
        if self.had_link and self._offline_ns is not None:
            return "wait"  # for LINK_S at most: it may come back
        elapsed_s = (now_ns - self.start_ns) / 1e9
        missing = self.judged - self.proven
        is_late = elapsed_s >= STREAM_S and not any(connected.get(name) for name in missing)
        if missing and (is_late or elapsed_s >= WATCH_S + PROOF_S):
            if any(not connected.get(name) for name in self.others):
                return "good"  # the network is in doubt
            self.lost = tuple(sorted(missing))
            return "stream"
        return "good" if elapsed_s >= WATCH_S and not missing else "wait"

    def _is_link_lost(self, now_ns: int) -> bool:
        if not self.had_link or self._offline_ns is None:
            return False
        return now_ns - self._offline_ns >= LINK_S * 1e9
