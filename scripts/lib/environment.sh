# Sourced by the scripts beside it: what a fresh Debian machine lacks is installed here, with a word.
# Needs: bash, and root or sudo where a Debian package is missing.

root_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
venv_dir="${CAMWATCH_VENV:-$root_dir/.venv}"

# say TEXT ...: tell what is done; bold only on a terminal, and never where NO_COLOR is set.
say() {
    local mark='=='
    if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then mark=$'\033[1m==\033[0m'; fi
    printf '%s %s\n' "$mark" "$*" >&2
}
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# has_program NAME: whether it is installed, also where only root has it on the PATH.
has_program() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; }

# need_packages PACKAGE ...: install the Debian packages that are missing, and only those.
need_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || die "please install: ${missing[*]} (this system has no apt-get)"
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "run once as root, or install yourself: ${missing[*]}"
        sudo=(sudo)
    fi
    say "installing Debian packages: ${missing[*]}"
    local daemon daemons=()
    for daemon in mosquitto motion; do has_program "$daemon" || daemons+=("$daemon"); done
    "${sudo[@]}" apt-get update -qq >/dev/null || say "apt-get update failed; trying with the lists that are there"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >/dev/null || die "apt-get could not install: ${missing[*]}"
    # These packages start a service of their own, which nothing here uses.
    [ -d /run/systemd/system ] || return 0
    for daemon in "${daemons[@]}"; do
        has_program "$daemon" || continue
        say "switching off the system-wide $daemon.service that the package started"
        "${sudo[@]}" systemctl disable --now "$daemon.service" >/dev/null 2>&1 || true
    done
}

# find_python: print a Python 3.11 or newer.
find_python() {
    local candidate
    for candidate in ${CAMWATCH_PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed (Debian 12, Raspberry Pi OS Bookworm, or newer have it)"
}

# need_environment LOCK ...: a virtual environment that holds the locked requirements.
need_environment() {
    local lock python wanted="" marker="$venv_dir/camwatch-installed"
    for lock in "$@"; do wanted+="$(sha256sum <"$root_dir/requirements/$lock.txt" | cut -c1-64) $lock"$'\n'; done
    if [ -f "$marker" ] && ! grep -vxFf "$marker" <<<"${wanted%$'\n'}" >/dev/null; then return 0; fi
    python="$(find_python)" || exit 1
    if [ ! -x "$venv_dir/bin/python" ]; then
        "$python" -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
        say "making a virtual environment in $venv_dir"
        "$python" -m venv "$venv_dir"
    fi
    for lock in "$@"; do
        say "installing the locked Python packages of requirements/$lock.txt"
        "$venv_dir/bin/python" -m pip install --quiet --disable-pip-version-check \
            --no-deps --require-hashes -r "$root_dir/requirements/$lock.txt" || die "pip could not install requirements/$lock.txt"
    done
    "$venv_dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
        -e "$root_dir" || die "pip could not install this project"
    for lock in "$@"; do [ ! -f "$marker" ] || sed -i "/ $lock\$/d" "$marker"; done
    printf '%s' "$wanted" >>"$marker"
}
