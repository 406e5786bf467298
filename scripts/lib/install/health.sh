# shellcheck shell=bash
# Sourced by the installers: what the doctors say, before and after. Needs: words.sh, system.sh.

# failures USER COMMAND ...: the names of the checks that fail, one a line. A doctor that cannot say
# anything fails itself. What no version of ours can change is left out: the clock, and what the hub
# says of its nodes. The report goes by a pipe: a hub with many nodes says more than one argument holds.
failures() {
    local user="$1"
    shift
    { as "$user" "$@" --json 2>/dev/null || true; } | "$python" -P -c '
import json, sys
try:
    found = json.loads(sys.stdin.buffer.read())["findings"]
except (ValueError, KeyError, TypeError):
    print("doctor")
else:
    print("\n".join(sorted({each["check"] for each in found if each["outcome"] == "fail"
        and not each["check"].startswith(("time", "node."))})))
'
}

# new_failures BEFORE AFTER: what fails after and did not before.
new_failures() { LC_ALL=C comm -13 <(sort -u <<<"$1") <(sort -u <<<"$2") | grep . || true; }

# worse_than BEFORE COMMAND: what fails now and did not before, by COMMAND, which prints what fails; for
# good, since a service that was just started may need a moment.
worse_than() {
    local before="$1" tries found=""
    if [ "$before" = unknown ]; then before=""; fi
    for ((tries = 0; tries < 6; tries++)); do
        found="$(new_failures "$before" "$("$2")" | paste -sd ' ' -)"
        [ -n "$found" ] || return 0
        sleep 5
    done
    printf '%s' "$found"
}

# restart UNIT ...: those that are installed and enabled; false when one does not come up.
restart() {
    local unit
    for unit in "$@"; do
        systemctl is-enabled --quiet "$unit" 2>/dev/null || continue
        systemctl restart "$unit" || return 1
    done
}
