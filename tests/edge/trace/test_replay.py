"""From traces to an answer: what other settings would drop, keep and add, and what is proposed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from edge.cli import main
from edge.contract.motion import Expert, MotionSettings, Polygon, Zone
from edge.contract.schedule import Schedule
from edge.motion.look import Look
from edge.trace import segment, suggest, suppressed, verdicts
from edge.trace.candidates import Candidate, Plan, candidates
from edge.trace.compare import compare
from edge.trace.lines import Line, Mark
from edge.trace.tape import Tape
from tests.edge.trace import made

NIGHT, WALK = 130.0, 30.0  # where in the picture: rows of the nuisance and of people
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def event(number: int) -> str:
    """An event's id."""
    return f"01a209db-b412-7d3d-8000-{number:012x}"


def marked(number: int, lines: Sequence[Line]) -> list[Line]:
    """These lines, of which the node made an event."""
    started, ended = lines[0].mono_ns, lines[-1].mono_ns
    return [
        *lines[:5],
        Mark(started, "event.started", event(number)),
        *lines[5:],
        Mark(ended, "event.ended", event(number)),
        *made.still(ended / 1e9 + 0.1, 8.0),
    ]


def week(*, upto: int = 1) -> list[Line]:
    """Three people who walk by above, four nuisances below; shown down to sensitivity `upto`."""
    lines: list[Line] = []
    for number in range(7):
        is_person = number % 2 == 1
        lines += marked(
            number,
            made.crossing(
                60.0 * (number + 1),
                y=WALK if is_person else NIGHT,
                upto=1 if is_person else upto,
            ),
        )
    return lines


def walker_and_branch() -> list[Line]:
    """Somebody faint walks by above for 21 s; in the last 5 of them a branch waves below."""
    walk = made.crossing(60.0, seconds=21.0, y=WALK, upto=5, px_per_s=12.0)
    return made.together(walk, made.crossing(76.0, seconds=5.0, y=NIGHT))


def said() -> dict[str, verdicts.Verdict]:
    """What the operator thinks of them."""
    return {event(n): "confirmed" if n % 2 == 1 else "false_alarm" for n in range(7)}


def write(folder: Path, lines: Sequence[Line], motion: MotionSettings | None = None) -> Path:
    """A folder with one segment of the camera `gate`."""
    path = folder / "gate" / "00000001-aaaaaaaa.trace"
    path.parent.mkdir(parents=True)
    path.write_bytes(segment.encode(made.head(motion=motion), lines))
    return path


def of(lines: Sequence[Line], motion: MotionSettings | None = None) -> Tape:
    """A tape of one chunk."""
    found = Tape("gate-3", "gate", [segment.Chunk(made.head(motion=motion), tuple(lines))])
    found.sort()
    return found


def band(top: float, bottom: float) -> Polygon:
    """A stripe of the picture from side to side."""
    return Polygon(((0, top), (1, top), (1, bottom), (0, bottom)))


def test_a_trace_judged_by_what_ran_gives_every_event_that_was() -> None:
    """And each is known by the id that the node gave it."""
    found = compare(of(week()), lambda ran: ran, verdicts=said())
    assert [each.event for each in found.then] == [event(n) for n in range(7)]
    assert not found.gone and not found.new and not found.unsure


def test_a_mask_drops_what_lies_in_it_and_keeps_the_rest() -> None:
    """The count that an operator wants: dropped, kept, confirmed."""
    found = compare(of(week()), lambda _: MotionSettings(masks=(band(0.6, 0.9),)), verdicts=said())
    assert len(found.having(found.gone, "false_alarm")) == 4
    assert len(found.having(found.kept, "confirmed")) == 3
    assert not found.lost_confirmed


def test_a_lower_sensitivity_drops_what_is_faint() -> None:
    """The nuisance shows down to sensitivity 5 only."""
    found = compare(of(week(upto=5)), lambda _: MotionSettings(sensitivity=3), verdicts=said())
    assert {each.event for each in found.gone} == {event(n) for n in (0, 2, 4, 6)}


def test_what_a_higher_sensitivity_would_find_besides_is_new() -> None:
    """Somebody whom the settings that ran did not see is in the trace all the same."""
    lines = [*week(), *made.crossing(600.0, upto=7), *made.still(604.1, 8.0)]
    found = compare(of(lines), lambda _: MotionSettings(sensitivity=7), verdicts={})
    assert not found.gone
    (new,) = found.new
    assert new.started_ns == 600 * 10**9


def test_a_zone_of_its_own_sensitivity_is_judged_by_it() -> None:
    """A zone below sees less than the camera: the faint nuisance there is gone, people stay."""
    zones = (
        Zone("street", band(0.5, 1.0).points, sensitivity=2),
        Zone("walk", band(0.0, 0.5).points),
    )
    found = compare(of(week(upto=5)), lambda _: MotionSettings(zones=zones), verdicts=said())
    assert len(found.gone) == 4
    assert all(each.span is not None and each.span.zones == ("walk",) for each in found.now)


def test_a_confirmed_event_is_not_kept_by_what_only_its_end_has_in_common() -> None:
    """The walker is gone, a branch that waves while he leaves is not him; an event that nobody
    confirmed is taken for kept by it, so that no more is called dropped than is."""
    tape = of(marked(1, walker_and_branch()))
    lower = MotionSettings(sensitivity=3)
    found = compare(tape, lambda _: lower, verdicts={event(1): "confirmed"})
    assert found.now and found.lost_confirmed == found.gone == list(found.then)
    assert not found.kept and not found.unsure
    assert not compare(tape, lambda _: lower, verdicts={event(1): "false_alarm"}).gone


def test_a_confirmed_event_is_not_kept_by_what_moves_elsewhere_at_the_same_time() -> None:
    """A mask over the walker; what lies below from his first step on the node did not follow."""
    lines = [
        dataclasses.replace(each, things=each.things[:1]) if isinstance(each, Look) else each
        for each in made.together(made.crossing(60.0, y=WALK), made.crossing(60.0, y=NIGHT))
    ]
    masked = MotionSettings(masks=(band(0.0, 0.5),))
    found = compare(of(marked(1, lines)), lambda _: masked, verdicts={event(1): "confirmed"})
    assert found.now and len(found.lost_confirmed) == 1


def test_a_confirmed_event_is_kept_by_one_that_began_before_it() -> None:
    """A longer quiet time makes one event of two: who was confirmed is in it from the first."""
    lines = [*marked(0, made.crossing(60.0, y=NIGHT)), *marked(1, made.crossing(75.0, y=WALK))]
    longer = MotionSettings(quiet_s=30.0)
    found = compare(of(lines), lambda _: longer, verdicts={event(1): "confirmed"})
    assert len(found.now) == 1 and not found.lost_confirmed


def test_a_larger_least_area_and_more_frames_drop_the_small_and_short() -> None:
    """These decide after the pixels were compared."""
    small = of(week())
    for change in ({"min_area": 0.01}, {"min_frames": 45}):
        settings = MotionSettings(**change)
        assert len(compare(small, lambda _, s=settings: s, verdicts={}).gone) == 7  # type: ignore[misc]


def test_a_proposal_comes_with_the_proof_that_no_confirmed_event_is_lost() -> None:
    """A mask where false alarms gather, and nothing that would lose somebody."""
    advice = suggest.advise(of(week()), said())
    names = [each.name for each in advice.proposals]
    assert names == ["mask 1"]
    (mask,) = advice.proposals
    assert (mask.dropped, mask.false_alarms, mask.confirmed) == (4, 4, 3)
    tried = compare(of(week()), mask.candidate.change, verdicts=said())
    assert not tried.lost_confirmed


def test_the_mildest_sensitivity_that_does_it_is_proposed() -> None:
    """Not 1 where 3 is enough."""
    advice = suggest.advise(of(week(upto=5)), said())
    assert "motion.sensitivity=3" in [each.name for each in advice.proposals]
    assert "motion.sensitivity=2" not in [each.name for each in advice.proposals]


def test_nothing_is_proposed_where_the_confirmed_look_like_the_false() -> None:
    """Every change that drops the nuisance would drop people, too."""
    lines: list[Line] = []
    for number in range(4):
        lines += marked(number, made.crossing(60.0 * (number + 1)))
    advice = suggest.advise(of(lines), {event(n): said()[event(n)] for n in range(4)})
    assert not advice.proposals
    assert "nothing that was tried" in advice.refusal


DAY, NIGHT_LONG = 3, 8
NIGHTLY = Schedule(starts="22:00", ends="06:00", sensitivity=NIGHT_LONG)
BY_PLAN = Plan(DAY, (Schedule(starts="12:00", ends="13:00", armed=False), NIGHTLY))


def day_and_night(day: Sequence[Line], night: Sequence[Line]) -> Tape:
    """The camera ran with sensitivity 3 by day, with 8 by night, which came last."""
    found = Tape("gate-3", "gate")
    for mono_s, sensitivity, lines in ((1000.0, DAY, day), (5000.0, NIGHT_LONG, night)):
        head = made.head(mono_s=mono_s, motion=MotionSettings(sensitivity=sensitivity))
        found.chunks.append(segment.Chunk(head, tuple(lines)))
    found.sort()
    return found


def test_each_part_of_a_trace_is_judged_with_the_settings_that_ran_there() -> None:
    """Frames enough at the night's sensitivity are too few at the day's: who was confirmed by day
    would be lost by a change that the newest settings prove."""
    clear = made.crossing(60.0, seconds=0.7, y=WALK, px_per_s=60, upto=3)
    faint = made.crossing(60.7, seconds=3.0, y=WALK, px_per_s=60, first_x=62, upto=8)
    day = marked(1, [*clear, *faint])
    night = marked(0, made.crossing(4100.0, seconds=0.7, y=NIGHT, px_per_s=60))
    tape = day_and_night(day, night)
    words: dict[str, verdicts.Verdict] = {event(1): "confirmed", event(0): "false_alarm"}
    (eight,) = [each for each in all_candidates(tape) if each.name == "motion.min_frames=8"]
    newest = eight.change(tape.ran()[0])
    assert not compare(tape, lambda _: newest, verdicts=words).lost_confirmed
    assert compare(tape, eight.change, verdicts=words).lost_confirmed
    assert len(compare(tape, eight.change, verdicts=words).gone) == 2
    assert eight.name not in [each.name for each in suggest.advise(tape, words).proposals]


def all_candidates(tape: Tape, plan: Plan | None = None) -> list[Candidate]:
    """All that would be tried."""
    return list(candidates(tape, tape.ran(), plan, (), ()))


def test_no_sensitivity_is_proposed_where_more_than_one_ran() -> None:
    """The newest may be a schedule's: it would raise the day's, and do nothing at night."""
    tape = day_and_night(week(upto=5), [])
    assert not [e for e in all_candidates(tape) if e.key == "sensitivity"]
    assert "sensitivity 3, 8 ran" in suggest.advise(tape, said()).note
    only_night = of(week(upto=5), MotionSettings(sensitivity=NIGHT_LONG))
    at_night = [e for e in all_candidates(only_night, BY_PLAN) if e.key == "sensitivity"]
    assert at_night and all(each.only_at == NIGHT_LONG for each in at_night)


def test_a_lower_sensitivity_of_a_schedule_is_proven_by_what_ran_under_it() -> None:
    """Less at night, where the nuisance is; the day stays as it is, also where it would lose."""
    day = marked(8, made.crossing(60.0, y=WALK, upto=3))
    night = [
        *marked(0, made.crossing(4060.0, y=NIGHT, upto=7)),
        *marked(1, made.crossing(4120.0, y=WALK)),
    ]
    words = said() | {event(8): "confirmed"}
    (best, *_) = suggest.advise(day_and_night(day, night), words, plan=BY_PLAN).proposals
    by_name = {
        each.name: each
        for each in suggest.advise(day_and_night(day, night), words, plan=BY_PLAN).proposals
    }
    found = by_name["schedules 22:00-06:00: sensitivity=5 instead of 8"]
    assert best.dropped == 1
    assert (found.dropped, found.false_alarms, found.confirmed) == (1, 1, 1)
    written = found.candidate.written["schedules"]
    assert [each.get("sensitivity") for each in written] == [None, 5]
    loaded = yaml.safe_load(suggest.yaml_of(found))
    assert loaded == {"schedules": written}


def test_a_schedule_is_not_lowered_where_nobody_was_confirmed_under_it() -> None:
    """Who was confirmed by day proves nothing of the night."""
    day = marked(1, made.crossing(60.0, y=WALK))
    night = marked(0, made.crossing(4060.0, y=NIGHT, upto=7))
    advice = suggest.advise(day_and_night(day, night), said(), plan=BY_PLAN)
    assert not [each for each in advice.proposals if each.candidate.key == "sensitivity"]


def test_nothing_is_proposed_where_nobody_confirmed_anything() -> None:
    """That all of no confirmed events are kept proves nothing; what to do is told."""
    false_alarms = {name: word for name, word in said().items() if word == "false_alarm"}
    advice = suggest.advise(of(week()), false_alarms)
    assert not advice.proposals
    assert "mark real events confirmed first" in advice.refusal


def test_a_confirmed_event_that_the_trace_does_not_show_forbids_every_proposal() -> None:
    """Without a proof there is no offer."""
    hidden = [
        Mark(900 * 10**9, "event.started", event(7)),
        *made.still(900.1, 3.0),
        Mark(903 * 10**9, "event.ended", event(7)),
    ]
    advice = suggest.advise(of([*week(), *hidden]), said() | {event(7): "confirmed"})
    assert not advice.proposals
    assert event(7) in advice.refusal


def test_what_a_mask_keeps_away_stays_countable() -> None:
    """After a mask was set its events are gone from the archive, not from the trace."""
    masked = MotionSettings(masks=(band(0.6, 0.9),))
    lines = [line for line in week() if not isinstance(line, Mark)]
    (count,) = suppressed.count(of(lines, masked))
    assert count.setting == "motion.masks[0]"
    assert len(count.events) == 7  # of which three are people, whom the node's marks would name
    marks = [line for line in week() if not isinstance(line, Mark) or int(line.event[-1]) % 2]
    (count,) = suppressed.count(of(marks, masked))
    assert len(count.events) == 4


def test_glances_at_what_is_masked_are_counted_beside() -> None:
    """What moves in a mask is not decoded on; that something was there is still known."""
    masked = MotionSettings(masks=(band(0.6, 0.9),))
    lines = [made.look(90.0 * n, [made.blob(100, NIGHT)], kind="glance") for n in range(5)]
    (count,) = suppressed.count(of(lines, masked))
    assert (len(count.events), count.glances) == (0, 5)


LOWER = band(0.5, 1.0).points


@pytest.mark.parametrize(
    ("motion", "names"),
    [
        (MotionSettings(zones=(Zone("walk", band(0, 0.5).points),)), ["motion.zones"]),
        (
            MotionSettings(zones=(Zone("street", LOWER, sensitivity=1), Zone("all", LOWER))),
            ["motion.zones", "motion.zones.street.sensitivity=1", suppressed.ALL],
        ),
        (
            MotionSettings(zones=(Zone("street", LOWER, min_area=0.01),)),
            ["motion.zones", "motion.zones.street.min_area=0.01", suppressed.ALL],
        ),
        (
            MotionSettings(zones=(Zone("street", LOWER, expert=Expert(floor=100)),)),
            ["motion.zones", "motion.zones.street.expert", suppressed.ALL],
        ),
        (MotionSettings(expert=Expert(floor=100)), ["motion.expert"]),
        (
            MotionSettings(sensitivity=1, min_area=0.01),
            ["motion.sensitivity=1", "motion.min_area=0.01", suppressed.ALL],
        ),
    ],
)
def test_each_setting_that_sees_less_is_lifted_and_all_together(
    motion: MotionSettings, names: list[str]
) -> None:
    """What one hides may be hidden by another as well: together they tell of all that was."""
    faint = [line for line in week(upto=5) if not isinstance(line, Mark)]
    tape = of(faint, motion)
    as_it_runs = tape.rerun(lambda ran: ran)
    marks = [
        Mark(moment, kind, event(number))  # type: ignore[arg-type]
        for number, each in enumerate(as_it_runs)
        for kind, moment in (("event.started", each.started_ns), ("event.ended", each.last_ns))
    ]
    found = suppressed.count(of([*marks, *faint], motion))
    assert [each.setting for each in found] == names
    by_default = tape.rerun(lambda _: MotionSettings())
    assert len(found[-1].events) == len(by_default) - len(as_it_runs) > 0


def test_what_a_zone_s_own_sensitivity_suppressed_is_counted_by_itself() -> None:
    """The zone stays, and what it would see is in it."""
    street = Zone("street", LOWER, sensitivity=1)
    faint = [line for line in week(upto=5) if not isinstance(line, Mark)]
    found = suppressed.count(of(faint, MotionSettings(zones=(street,))))
    by_name = {each.setting: len(each.events) for each in found}
    assert by_name["motion.zones.street.sensitivity=1"] == 4


def test_what_ran_before_the_newest_settings_is_lifted_too() -> None:
    """At night it sees less than the default, by day it does not; a mask was taken away since."""
    night = MotionSettings(sensitivity=1, masks=(band(0.6, 0.9),))
    found = Tape("gate-3", "gate")
    for mono_s, motion in ((600.0, night), (1200.0, MotionSettings())):
        lines = [line for line in week(upto=5) if not isinstance(line, Mark)]
        found.chunks.append(segment.Chunk(made.head(mono_s=mono_s, motion=motion), tuple(lines)))
    found.sort()
    names = [each.setting for each in suppressed.count(found)]
    assert names == ["motion.masks of before", "motion.sensitivity=1", suppressed.ALL]


def test_nothing_suppresses_is_said_of_default_settings_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What no trace can count is named."""
    plain = ["replay", "--suppressed", "--traces"]
    write(tmp_path / "default", week())
    assert main([*plain, str(tmp_path / "default")]) == 0
    assert "nothing is set that suppresses anything" in capsys.readouterr().out
    write(tmp_path / "other", week(), MotionSettings(sensitivity=8, analysis_fps=2.0))
    assert main([*plain, str(tmp_path / "other")]) == 0
    text = capsys.readouterr().out
    assert "nothing is set" not in text
    assert "not countable: motion.sensitivity=8, motion.analysis_fps=2" in text


def test_a_chunk_whose_clock_was_not_set_is_placed_by_a_later_one() -> None:
    """A node without a clock battery starts in 1970; its events do not."""
    early = made.head(mono_s=100, utc=datetime(1970, 1, 1, tzinfo=UTC), clock="unsynced")
    late = made.head(mono_s=1000, utc=NOON, clock="synced")
    found = Tape("gate-3", "gate")
    found.chunks = [
        segment.Chunk(early, tuple(made.crossing(50.0))),
        segment.Chunk(late, tuple(made.still(950.0, 10.0))),
    ]
    found.sort()
    (seen,) = found.rerun(lambda ran: ran)
    assert seen.started_utc == NOON - timedelta(seconds=950)


def test_a_clock_that_is_set_moves_no_event_against_another() -> None:
    """Only the monotonic clock says which event of now is which of then."""
    before = made.head(mono_s=100, utc=NOON)
    after = made.head(mono_s=200, utc=NOON - timedelta(hours=5))
    lines = marked(1, made.crossing(90.0))
    found = Tape("gate-3", "gate")
    found.chunks = [
        segment.Chunk(before, tuple(lines[:20])),
        segment.Chunk(after, tuple(lines[20:])),
    ]
    found.sort()
    compared = compare(found, lambda ran: ran, verdicts={})
    assert len(compared.then) == 1 and not compared.gone and not compared.new


def test_boots_are_judged_apart() -> None:
    """What one boot's clock calls the same moment is another in the next."""
    found = Tape("gate-3", "gate")
    for number, boot in enumerate(("ab" * 16, "cd" * 16)):
        head = made.head(boot=boot, utc=NOON + timedelta(hours=number))
        found.chunks.append(segment.Chunk(head, tuple(marked(number, made.crossing(60.0)))))
    found.sort()
    compared = compare(found, lambda ran: ran, verdicts={})
    assert (len(compared.then), len(compared.now), len(compared.new)) == (2, 2, 0)


def test_damage_is_skipped_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A torn segment costs its chunk; the command goes on and says so."""
    path = write(tmp_path, week())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:300])
    arguments = ["replay", "--traces", str(tmp_path), "--set", "motion.sensitivity=4"]
    assert main(arguments) == 0
    said_text = capsys.readouterr().out
    assert "damaged: 00000001-aaaaaaaa.trace, 300 bytes" in said_text
    assert "then: 7 events" in said_text


def test_the_command_says_what_would_be_dropped_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an operator reads it, and as a program does; 3 where somebody confirmed is lost."""
    write(tmp_path / "traces", week(upto=5))
    marks = tmp_path / "verdicts.csv"
    marks.write_text("id,mark\n" + "".join(f"{each},{word}\n" for each, word in said().items()))
    common = ["replay", "--traces", str(tmp_path / "traces"), "--verdicts", str(marks)]
    assert main([*common, "--set", "motion.sensitivity=3"]) == 0
    text = capsys.readouterr().out
    assert "would drop 4 events (4 false alarms, 0 confirmed, 0 not judged)" in text
    assert "keep 3 events, all 3 confirmed" in text
    assert main([*common, "--json", "--set", "motion.min_frames=45"]) == 3
    value = json.loads(capsys.readouterr().out)
    assert value["gone"] == {"events": 7, "confirmed": 3, "false_alarms": 4}
    assert value["lost_confirmed"] == [event(n) for n in (1, 3, 5)]


def test_a_window_leaves_out_what_began_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Times are wall times."""
    write(tmp_path, week())
    first = NOON - timedelta(seconds=1000 - 150)
    arguments = ["replay", "--traces", str(tmp_path), "--json", "--set", "motion.quiet_s=4"]
    since = first.isoformat().replace("+00:00", "Z")
    assert main([*arguments, "--since", since]) == 0
    assert json.loads(capsys.readouterr().out)["then"]["events"] == 5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "motion.sensitivity=11"], "motion.sensitivity: is 11, the most allowed is 10"),
        (["--set", "motion.sensitivty=4"], "cannot be tried"),
        (["--set", "motion.analysis_fps=4"], "cannot be tried"),
        (["--set", "sensitivity"], "takes a name and a value"),
        (["--set", "motion.zones.yard.sensitivity=4"], "no zone yard"),
        ([], "nothing to try"),
        (["--camera", "yard", "--set", "motion.sensitivity=4"], "no traces of camera yard"),
        (["--since", "soon", "--set", "motion.sensitivity=4"], "'soon' is no time"),
        (["--verdicts", "/nowhere", "--set", "motion.sensitivity=4"], "cannot read /nowhere"),
    ],
)
def test_what_cannot_be_tried_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    """The message names the argument; the exit status is that of wrong settings."""
    write(tmp_path, week())
    assert main(["replay", "--traces", str(tmp_path), *arguments]) == 78
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        f'[{{"id": "{event(1)}", "mark": "false_alarm", "node": "gate-3"}}]',
        f'{{"id": "{event(1)}", "mark": "false_alarm"}}\n{{"id": "{event(2)}", "mark": "new"}}\n',
        f"ID,Verdict\n{event(1)},False alarm\n",
        f"node,event,verdict\ngate-3,{event(1)},false-alarm\n",
    ],
)
def test_verdicts_are_read_as_the_hub_and_people_write_them(text: str) -> None:
    """JSON, JSON lines or CSV; other columns and marks are passed over."""
    assert verdicts.parse(text) == {event(1): "false_alarm"}


@pytest.mark.parametrize(
    "text", ["hello", "[1]", f"id,mark\n{event(1)},maybe\n", "id,mark\n7,seen"]
)
def test_a_file_that_holds_no_verdicts_is_refused(text: str) -> None:
    """Rather than proving things by what was not understood."""
    with pytest.raises(ValueError, match=r"entry|neither"):
        verdicts.parse(text)
