// What times of the week come to: edge/contract/schedule.py's rules, for every quarter of an hour.
"use strict";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY = 24 * 60, STEP = 15;

const minutes = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));

function holds({ starts, ends, days }, day, minute) {
  const start = minutes(starts), end = minutes(ends);
  const startsOn = (at) => !days.length || days.includes(DAYS[at]);
  if (end > start) return startsOn(day) && start <= minute && minute < end;
  return (startsOn(day) && minute >= start) || (startsOn((day + 6) % 7) && minute < end);
}

// For each day its stretches: { from, to, armed, sensitivity }, in minutes; the last rule counts.
export function week({ armed, schedules, motion }) {
  return DAYS.map((_, day) => {
    const found = [];
    for (let minute = 0; minute < DAY; minute += STEP) {
      const now = { armed, sensitivity: motion.sensitivity };
      for (const rule of schedules) {
        if (!holds(rule, day, minute)) continue;
        now.armed = rule.armed ?? now.armed;
        now.sensitivity = rule.sensitivity ?? now.sensitivity;
      }
      const last = found[found.length - 1];
      if (last && last.armed === now.armed && last.sensitivity === now.sensitivity) last.to = minute + STEP;
      else found.push({ from: minute, to: minute + STEP, ...now });
    }
    return found;
  });
}
