"""What the idle bench has to show: the aims of each stream, and whether they were reached."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.bench.idle_contestants import COPY, MOTION, NODE, Run
from scripts.bench.idle_meter import Cost
from scripts.bench.idle_streams import Stream

IDLE_PART, HARD_PART, MOVING_PART = 12, 8, 7  # at most one such part of Motion's processor time
MAX_COPY_TIMES = 6
MAX_RSS_MB = 100.0

Runs = Mapping[str, Run]
"""Of each contestant on one stream, by its name."""


@dataclass(frozen=True)
class Verdict:
    """One aim, in words with its figures. None was reached or missed for lack of a contestant."""

    text: str
    is_reached: bool | None

    def __str__(self) -> str:
        words = {True: "reached", False: "missed", None: "not judged"}
        return f"{self.text}: {words[self.is_reached]}"


def motion_part(stream: Stream) -> int | None:
    """The aim against Motion: one part in so many. None where there is none, for quiet CRF."""
    if stream.action == "moving":
        return MOVING_PART
    if stream.light == "night" or stream.control == "cbr":
        return HARD_PART
    return IDLE_PART if stream.control == "vbr" else None


def has_copy_aim(stream: Stream) -> bool:
    """Whether the node is held to the floor of only reading."""
    return (stream.control, stream.light, stream.action) == ("vbr", "day", "idle")


def judge(stream: Stream, runs: Runs) -> list[Verdict]:
    """All that is asked of the node on one stream."""
    node = runs.get(NODE)
    if node is None:
        return [Verdict("no node", None)]
    verdicts = [*_cpu(stream, node, runs), *_memory(node, runs)]
    if stream.action == "idle":
        verdicts.append(Verdict(f"events where nobody moves: {node.strays}", node.strays == 0))
    else:
        verdicts.append(
            Verdict(
                f"crossings met: {node.met} of {node.known}, other events: {node.strays}",
                node.met == node.known > 0 and node.strays == 0,
            )
        )
    return verdicts


def _cpu(stream: Stream, node: Run, runs: Runs) -> list[Verdict]:
    part, mine = motion_part(stream), node.cost.cpu_ms_per_s
    verdicts = []
    if (motion := runs.get(MOTION)) is not None:
        ratio = motion.cost.cpu_ms_per_s / mine
        aim = f"at most 1/{part}" if part else "no aim"
        is_reached = ratio >= part if part else True
        verdicts.append(Verdict(f"CPU 1/{ratio:.1f} of Motion's ({aim})", is_reached))
    elif part:
        verdicts.append(Verdict(f"CPU at most 1/{part} of Motion's", None))
    if (copy := runs.get(COPY)) is not None:
        times = mine / copy.cost.cpu_ms_per_s
        has_aim = has_copy_aim(stream)
        aim = f"at most {MAX_COPY_TIMES}" if has_aim else "no aim"
        is_reached = times <= MAX_COPY_TIMES if has_aim else True
        verdicts.append(Verdict(f"CPU {times:.1f} times {COPY} ({aim})", is_reached))
    elif has_copy_aim(stream):
        verdicts.append(Verdict(f"CPU at most {MAX_COPY_TIMES} times {COPY}", None))
    return verdicts


def _memory(node: Run, runs: Runs) -> list[Verdict]:
    mine = node.cost.rss_mb
    verdicts = [Verdict(f"RSS {mine:.0f} MB (at most {MAX_RSS_MB:.0f})", mine <= MAX_RSS_MB)]
    if (motion := runs.get(MOTION)) is not None:
        theirs = motion.cost.rss_mb
        verdicts.append(
            Verdict(f"RSS {mine:.0f} MB (Motion: {theirs:.0f}, below it)", mine < theirs)
        )
    else:
        verdicts.append(Verdict("RSS below Motion's", None))
    return verdicts


def median(runs: Sequence[Run]) -> Run:
    """Of several rounds: median costs, and the worst that was told of the events."""
    cost = Cost(
        statistics.median(each.cost.cpu_ms_per_s for each in runs),
        statistics.median(each.cost.rss_mb for each in runs),
    )
    met = [each.met for each in runs if each.met is not None]
    strays = [each.strays for each in runs if each.strays is not None]
    return Run(
        cost,
        sum(each.known for each in runs),
        sum(met) if met else None,
        sum(strays) if strays else None,
    )
