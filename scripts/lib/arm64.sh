#!/usr/bin/env bash
# The node's tests on aarch64, emulated: Debian's arm64 Python and the real aarch64 wheels of the lock run
# under qemu's user mode; broker, RTSP camera and ffmpeg stay this machine's own. Called by scripts/test;
# what follows goes to pytest in place of the usual selection. Exit status 77: it cannot be had here.
#
# The root is kept in ${XDG_CACHE_HOME:-~/.cache}/camwatch/arm64 (380 MB) and made anew when the lock changes.
# No program of it is run to make it: packages and wheels are only unpacked. Root rights are not needed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

suite=bookworm
python_version=3.11
packages=python3,libstdc++6,libgcc-s1,zlib1g,libatomic1,coreutils,tzdata
# tools of the developer's own machine, and what requirements/override.txt keeps out too
not_on_a_node="mypy ruff uv playwright import-linter grimp opencv-python"
cache_dir="${XDG_CACHE_HOME:-$HOME/.cache}/camwatch/arm64"
arm_root="$cache_dir/$suite"
arm_python="$arm_root/usr/bin/python$python_version"
emulated="the tests on emulated aarch64"

cannot() { say "NOT RUN: $emulated: $*"; exit 77; }

# archive_address: the Debian archive that this machine's apt is set to use.
archive_address() {
    apt-get indextargets --format '$(REPO_URI)' "Identifier: Packages" "Origin: Debian" "Label: Debian" \
        "Component: main" 2>/dev/null | sed -n 1p
}

# index_address: the package index that this machine's pip is set to use; empty for its default.
index_address() { "$venv_dir/bin/python" -m pip config get global.index-url 2>/dev/null || true; }

# make_root: Debian's arm64 packages and the wheels in $arm_root, unless what is there is of this lock.
make_root() {
    local wanted archive index building="$arm_root.new"
    wanted="$(cat "$root_dir/requirements/test.txt" "${BASH_SOURCE[0]}" | sha256sum | cut -c1-64)"
    [ "$(cat "$arm_root/camwatch-made" 2>/dev/null)" != "$wanted" ] || return 0
    archive="$(archive_address)"
    [ -n "$archive" ] || cannot "apt has no list of a Debian archive; apt-get update brings it"
    rm -rf "$building"
    mkdir -p "$building"

    say "unpacking Debian's arm64 packages ($suite, Python $python_version) into $arm_root"
    # In a user namespace, where an ordinary user may unpack for root, and apt has no other user to become.
    unshare --user --map-root-user mmdebstrap --quiet --mode=root --variant=extract --architectures=arm64 \
        --aptopt='APT::Sandbox::User "root"' --include="$packages" "$suite" "$building.tar" \
        "deb $archive $suite main" || cannot "mmdebstrap could not unpack the packages; see above"
    tar -x -f "$building.tar" -C "$building" --no-same-owner --exclude=./dev --exclude=./etc # ours serve
    rm "$building.tar"

    say "unpacking the aarch64 wheels of requirements/test.txt"
    index="${PIP_INDEX_URL:-$(index_address)}"
    if [ -n "$index" ]; then export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"; fi
    "$venv_dir/bin/uv" pip install --quiet --python "$venv_dir/bin/python" \
        --target "$building/usr/local/lib/python$python_version/dist-packages" \
        --python-platform aarch64-manylinux_2_28 --python-version "$python_version" --only-binary :all: \
        --require-hashes -r "$root_dir/requirements/test.txt" --excludes <(tr ' ' '\n' <<<"$not_on_a_node") ||
        cannot "uv could not unpack the wheels; see above"
    printf '%s\n' "$wanted" >"$building/camwatch-made"
    rm -rf "$arm_root"
    mv "$building" "$arm_root"
}

# emulate COMMAND ...: run it where the kernel hands arm64 programs, children's too, to qemu. That is so on
# machines with qemu registered; else it is registered in a user namespace of its own (Linux 6.7 or newer).
emulate() {
    export QEMU_LD_PREFIX="$arm_root" # where qemu looks for the loader and libraries first
    if "$arm_python" -c "" 2>/dev/null; then "$@"; return; fi
    mkdir -p "$cache_dir/binfmt"
    # shellcheck disable=SC2016
    unshare --user --map-root-user --mount bash -ec '
        mount -t binfmt_misc none "$1" || exit 77
        cat /usr/lib/binfmt.d/qemu-aarch64.conf >"$1/register" || exit 77
        user="$2" group="$3"
        shift 3
        # In there everybody was root; the command is run as who called.
        exec unshare --user --map-user="$user" --map-group="$group" "$@"
    ' emulate "$cache_dir/binfmt" "$(id -u)" "$(id -g)" "$@"
}

pytest_options=(-p no:cacheprovider --dist loadgroup -n "${CAMWATCH_TEST_WORKERS:-2}")
if [ $# -eq 0 ]; then
    set -- -m "not slow and not footage" tests/edge tests/contract tests/system/test_one_event.py
fi
cd "$root_dir"
export PATH="$PATH:/usr/sbin"
need_environment test
if [ "$(uname -m)" = aarch64 ]; then
    say "this machine is aarch64: nothing is emulated"
    exec "$venv_dir/bin/python" -m pytest "${pytest_options[@]}" "$@"
fi

command -v apt-get >/dev/null || cannot "Debian's arm64 packages cannot be had: this system has no apt-get"
(need_packages mmdebstrap qemu-user-static debian-archive-keyring) || cannot "qemu or mmdebstrap is missing"
mkdir -p "$cache_dir"
exec 9>"$cache_dir/lock"
flock 9 # a second run waits until the root is made
make_root
exec 9>&-
emulate "$arm_python" -c "" || cannot "this kernel ($(uname -r)) does not let a user register qemu: that needs" \
    "Linux 6.7 and user namespaces. Or register it for the machine: apt-get install binfmt-support"
say "$emulated (qemu's user mode, Python $python_version of Debian $suite)"
emulate "$arm_python" -m pytest -p tests.emulation --timeout 900 "${pytest_options[@]}" "$@"
