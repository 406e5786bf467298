# shellcheck shell=bash
# Sourced by the installers: where the software comes from, a checkout or an offline bundle.
# Sets: source_dir, is_bundle. Needs: words.sh.

source_dir="" is_bundle=false

# find_source HERE: HERE is the installer's folder, in scripts/ of a checkout or atop a bundle.
find_source() {
    if [ -d "$1/wheels" ]; then
        source_dir="$1" is_bundle=true
    elif [ -f "$1/../pyproject.toml" ]; then
        source_dir="$(cd "$1/.." && pwd)" is_bundle=false
    else
        fail "$1 holds no software" "run it from a checkout or an unpacked bundle, or add --from BUNDLE"
    fi
}

# run_bundle BUNDLE INSTALLER [ARGUMENT ...]: unpack a bundle (a folder or a tar) and run its own
# INSTALLER, with the same arguments but for --from.
run_bundle() {
    local bundle="$1" installer="$2" folder status=0 arguments=()
    shift 2
    while [ $# -gt 0 ]; do
        if [ "$1" = --from ]; then shift 2; else arguments+=("$1") && shift; fi
    done
    if [ -d "$bundle" ]; then
        folder="$(cd "$bundle" && pwd)"
    elif [ -f "$bundle" ]; then
        unpacked="$(mktemp -d /var/tmp/camwatch-bundle.XXXXXX)"
        trap 'rm -rf "$unpacked"' EXIT
        tar -xf "$bundle" -C "$unpacked" --no-same-owner --no-same-permissions ||
            fail "$bundle is no bundle" "make it anew by scripts/bundle, or copy it again"
        folder="$(find "$unpacked" -maxdepth 2 -name MANIFEST -printf '%h\n' -quit)"
    else
        fail "there is no bundle $bundle" "give the path of a camwatch-VERSION-ARCH.tar or its folder"
    fi
    [ -n "$folder" ] && [ -f "$folder/$installer" ] ||
        fail "$bundle holds no $installer" "make it anew by scripts/bundle"
    bash "$folder/$installer" "${arguments[@]}" || status=$?
    exit "$status"
}

# check_bundle: each file as the MANIFEST names it, and for this machine.
check_bundle() {
    local manifest="$source_dir/MANIFEST" broken arch
    [ -f "$manifest" ] || fail "$source_dir has no MANIFEST" "unpack the bundle again, whole"
    broken="$(cd "$source_dir" && grep -E '^[0-9a-f]{64}  ' MANIFEST | sha256sum --check --quiet 2>&1)" ||
        fail "the bundle is damaged: $(head -n 1 <<<"$broken")" "copy it again"
    arch="$(sed -n 's/^# arch //p' "$manifest")"
    [ -z "$arch" ] || [ "$arch" = "$(uname -m)" ] ||
        fail "the bundle is for $arch, and this machine is $(uname -m)" "make one by scripts/bundle --arch $(uname -m)"
}

# software_version: of what would be installed.
software_version() {
    if $is_bundle; then
        basename "$source_dir"/wheels/camwatch-*.whl | cut -d- -f2
    else
        sed -n 's/^version = "\(.*\)"/\1/p' "$source_dir/pyproject.toml" | head -n 1
    fi
}

# source_sum: one sum over everything that would be installed.
source_sum() {
    if $is_bundle; then
        sha256sum <"$source_dir/MANIFEST" | cut -c1-64
    else
        (cd "$source_dir" && find edge hub pyproject.toml requirements -type f ! -name '*.pyc' -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64)
    fi
}
