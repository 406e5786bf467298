# shellcheck shell=bash
# Sourced by the installers: what they say, and how they end. Needs: bash.

program="$(basename "$0")"

say() { printf '== %s\n' "$*"; }
warn() { printf '%s: %s\n' "$program" "$*" >&2; }

# fail MESSAGE [REMEDY [STATUS]]: say what is wrong and what to do about it, and end.
fail() {
    printf '%s: %s\n' "$program" "$1" >&2
    [ -z "${2:-}" ] || printf '%s: hint: %s\n' "$program" "$2" >&2
    exit "${3:-1}"
}

# misuse MESSAGE: the command line is wrong.
misuse() { fail "$1" "$program --help lists the options" 2; }

# show_help FILE: the comment at its top.
show_help() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$1"; }

# confirm QUESTION WORD: true when WORD is typed, or with --yes.
confirm() {
    local answer
    [ "${is_yes:-false}" = false ] || return 0
    [ -t 0 ] || fail "$1: nobody is here to confirm it" "add --yes"
    printf '%s\nType %s to go on: ' "$1" "$2" >&2
    read -r answer
    [ "$answer" = "$2" ]
}
