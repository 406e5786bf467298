"""Sensitivities compared: false alarms at equal recall, and a choice held against other scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scripts.bench.seeing_contest import ALL
from scripts.bench.seeing_footage import Known
from scripts.bench.seeing_report import HEADER, Judgements, line, natural, tally
from scripts.bench.seeing_score import Tally

RECALLS = (0.7, 0.8, 0.9, 0.95, 1.0)


def print_sweep(recordings: Sequence[Known], judgements: Judgements, names: Sequence[str]) -> None:
    """Each contestant at each sensitivity, then the fewest false alarms at equal recall."""
    sums = {
        name: {each: tally(recordings, judgements, name, each) for each in ALL[name].sweep}
        for name in names
    }
    print(f"\nsweep\n{HEADER}")
    for name in names:
        for setting, each in sums[name].items():
            print(line(name, setting, each))
    own = {name: tally(recordings, judgements, name, ALL[name].default).recall for name in names}
    recalls = sorted({*RECALLS, *(each for each in (own.get(names[0]),) if each is not None)})
    print("\nfewest false alarms an hour at a recall of at least (setting; part of static time on)")
    print(f"{'':26}" + "".join(f"{each:>24.1%}" for each in recalls))
    for name in names:
        cells = [_cell(fewest(sums[name], each)) for each in recalls]
        print(f"{natural(name):26}" + "".join(f"{each:>24}" for each in cells))


def fewest(sums: Mapping[float, Tally], recall: float) -> tuple[float, Tally] | None:
    """The setting that reaches a recall with the fewest false alarms; of equals, the least on."""
    reached = [
        (setting, each) for setting, each in sums.items()
        if each.recall is not None and each.recall >= recall - 1e-9
    ]  # fmt: skip
    return min(reached, key=lambda pair: (pair[1].alarms, pair[1].time_on or 0), default=None)


def _cell(best: tuple[float, Tally] | None) -> str:
    if best is None:
        return "not reached"
    setting, sums = best
    return f"{sums.alarms_per_h or 0:.1f} ({setting:g}; {sums.time_on or 0:.0%})"


def print_folds(recordings: Sequence[Known], judgements: Judgements, names: Sequence[str]) -> None:
    """For each scene the sensitivity that is best on all others, and what it is worth there.

    A scene, not a recording, is held out: the same recording in two codings is one scene.
    """
    scenes = list(dict.fromkeys(each.scene for each in recordings))
    print(f"\nsensitivity chosen on the other scenes, scored on the held-out one, {len(scenes)} "
          f"folds; the sum of the held-out scores\n{HEADER}")  # fmt: skip
    for name in names:
        held_out, chosen = Tally(), []
        for scene in scenes:
            rest = [each for each in recordings if each.scene != scene]
            setting = choose(rest, judgements, name)
            chosen.append(setting)
            for each in recordings:
                if each.scene == scene:
                    held_out.add(each, judgements[each.name, name, setting])
        counts = {each: chosen.count(each) for each in dict.fromkeys(chosen)}
        often = max(counts, key=lambda each: counts[each])
        choices = ", ".join(f"{setting:g} {count} times" for setting, count in counts.items())
        print(f"{line(name, often, held_out)}  chosen: {choices}")


def choose(recordings: Sequence[Known], judgements: Judgements, name: str) -> float:
    """The sensitivity with the highest F1; of equals, the one nearest the default."""
    default = ALL[name].default

    def worth(setting: float) -> tuple[float, float]:
        f1 = tally(recordings, judgements, name, setting).f1
        return (0.0 if f1 is None else round(f1, 6)), -abs(setting - default)

    return max(ALL[name].sweep, key=worth)
