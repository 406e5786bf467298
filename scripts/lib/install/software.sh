# shellcheck shell=bash
# Sourced by the installers: versions side by side in /opt/camwatch, each a virtual environment.
#
#   versions/VERSION   an environment; whole when it has the file camwatch-installed, written last
#   current            a link to the one that runs; changed by one rename
#   previous, proven   links to the one that ran before, and to the last one that proved itself
#   roles/             node, hub: what this machine is, so that one environment serves both
# Needs: words.sh, source.sh, system.sh.

opt_dir=/opt/camwatch
marker=camwatch-installed
declare -A room_mib=([node]=600 [hub]=200)

# find_python: sets `python`. It must lie below /usr, for the units run programs from there alone.
find_python() {
    local candidate
    for candidate in ${CAMWATCH_PYTHON:-} /usr/bin/python3 /usr/bin/python3.1{3,2,1}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python="$candidate"
            return
        fi
    done
    fail "there is no Python 3.11 or newer below /usr" \
        "use Debian 12, Raspberry Pi OS Bookworm or newer; apt-get install python3"
}

# add_role ROLE: this machine is a node or a hub from now on, maybe both.
add_role() { install -d -m 755 "$opt_dir" "$opt_dir/versions" "$opt_dir/roles" && touch "$opt_dir/roles/$1"; }
drop_role() { rm -f "$opt_dir/roles/$1"; }
roles() { (cd "$opt_dir/roles" 2>/dev/null && LC_ALL=C ls); }

# install_version: build what is not there yet; sets `version` to the folder's name. Changes nothing
# that runs.
install_version() {
    local identity sum base
    base="$(software_version)"
    sum="$(source_sum)"
    identity="$(printf 'source %s\npython %s\nroles %s' "$sum" \
        "$("$python" -c 'import sys; print(sys.version_info[:2])')" "$(roles | tr '\n' ' ')")"
    for version in "$base" "$base+$(sha256sum <<<"$identity" | cut -c1-8)"; do
        if [ "$(cat "$opt_dir/versions/$version/$marker" 2>/dev/null)" = "$identity" ]; then
            if [ "$version" = "$(current_version)" ] || is_sound "$version"; then
                say "version $version is here already"
                return
            fi
            warn "version $version is damaged and is built anew"
            rm -f "$opt_dir/versions/$version/$marker" && sync -f "$opt_dir"
        fi
        # What is whole, or runs, is another build of the same number: leave it.
        [ ! -e "$opt_dir/versions/$version/$marker" ] && [ "$version" != "$(current_version)" ] && break
    done
    check_room
    build_version "$opt_dir/versions/$version"
    mark_whole "$opt_dir/versions/$version" "$identity"
}

# mark_whole DIR IDENTITY: all of it is on the disk before the mark is, and the mark is so on return.
mark_whole() {
    sync -f "$1"
    printf '%s\n' "$2" >"$1/$marker.part"
    sync "$1/$marker.part"
    mv -f "$1/$marker.part" "$1/$marker"
    sync -f "$1"
}

# is_sound VERSION: whether its programs start.
is_sound() {
    local role
    for role in $(roles); do (try_program "$opt_dir/versions/$1" "$role") 2>/dev/null || return 1; done
}

# check_room: whether the disk has room for one more version.
check_room() {
    local role need=0 free
    for role in $(roles); do need=$((need + room_mib[$role])); done
    free="$(df --output=avail -BM "$opt_dir" | tail -n 1 | tr -dc 0-9)"
    [ "$free" -ge "$need" ] || fail "$opt_dir has $free MiB left, $need are needed" "make room on that disk"
}

# build_version DIR: an environment of the locked packages and of this software.
build_version() {
    local dir="$1" role
    say "installing version $(basename "$dir") below $opt_dir"
    rm -rf "$dir"
    "$python" -m venv --without-pip "$dir" || fail "no environment can be made in $dir" "apt-get install python3"
    find_pip
    for role in $(roles); do
        [ -f "$source_dir/requirements/$role.txt" ] || fail "this machine is a $role too, and the bundle is not for one" \
            "install from a checkout with network, or from a bundle with requirements/$role.txt"
        say "installing the locked packages of requirements/$role.txt"
        run_pip "$dir" --require-hashes -r "$source_dir/requirements/$role.txt"
    done
    install_camwatch "$dir"
    for role in $(roles); do try_program "$dir" "$role"; done
}

# find_pip: sets `pip` to one that runs from its own wheel, as no environment needs it afterwards.
find_pip() {
    local place=(/usr/share/python-wheels/pip-*.whl)
    if $is_bundle; then place=("$source_dir"/wheels/pip-*.whl "${place[@]}"); fi
    if ! first_file "${place[@]}"; then
        $is_bundle && fail "the bundle has no pip" "make it anew by scripts/bundle, or apt-get install python3-venv"
        need_packages python3-venv
        first_file /usr/share/python-wheels/pip-*.whl || fail "python3-venv brought no pip" "apt-get install --reinstall python3-pip-whl"
    fi
    pip="$found/pip"
}

# first_file FILE ...: sets `found` to the first that exists.
first_file() {
    for found in "$@"; do [ -f "$found" ] && return 0; done
    return 1
}

# run_pip DIR ARGUMENT ...: install into an environment; from a bundle without any network.
run_pip() {
    local dir="$1" offline=()
    shift
    if $is_bundle; then offline=(--no-index --find-links "$source_dir/wheels"); fi
    if $is_bundle; then local -x PIP_CONFIG_FILE=/dev/null; fi
    "$dir/bin/python" "$pip" install --quiet --disable-pip-version-check --no-cache-dir --no-deps \
        --root-user-action=ignore "${offline[@]}" "$@" || fail "pip could not install $*" \
        "is the network there? A bundle must be made for this Python: scripts/bundle --python"
}

# install_camwatch DIR: this software itself, from the bundle's wheel or built from the checkout.
install_camwatch() {
    local copy
    if $is_bundle; then
        run_pip "$1" "$source_dir"/wheels/camwatch-*.whl
        return
    fi
    copy="$(mktemp -d)"
    (cd "$source_dir" && cp -r edge hub pyproject.toml README.md LICENSE "$copy")
    run_pip "$1" --no-build-isolation "$copy"
    rm -rf "$copy"
}

# try_program DIR ROLE: whether it starts at all. -P: from the environment, not from a checkout here.
try_program() {
    local module=edge
    [ "$2" = node ] || module=hub
    "$1/bin/python" -P -m "$module" --help >/dev/null || fail "the new version does not start" \
        "this machine may be of another kind than the packages: uname -m says $(uname -m), and a 64-bit system is needed"
}

current_version() { basename "$(readlink "$opt_dir/current" 2>/dev/null)" 2>/dev/null; }

# switch_to VERSION: it runs at the next start. Survives a power cut at any point.
switch_to() {
    local before
    before="$(current_version)"
    [ "$before" != "$1" ] || return 0
    sync -f "$opt_dir"
    if [ -n "$before" ]; then point previous "$before"; fi
    point current "$1"
    is_changed=true
}

# point LINK VERSION: by one rename, flushed.
point() {
    ln -sfn "versions/$2" "$opt_dir/$1.new"
    mv -fT "$opt_dir/$1.new" "$opt_dir/$1"
    sync -f "$opt_dir"
}

# drop_old_versions: all that no link names.
drop_old_versions() {
    local each link
    for each in "$opt_dir"/versions/*; do
        [ -e "$each/$marker" ] || continue
        for link in current previous proven; do
            [ "$(basename "$each")" != "$(basename "$(readlink "$opt_dir/$link" 2>/dev/null)")" ] || continue 2
        done
        rm -rf "$each"
    done
}

# link_command NAME: on everybody's PATH.
link_command() {
    local link="/usr/local/bin/$1"
    if [ -e "$link" ] && [ ! -L "$link" ]; then
        warn "$link is a file of its own and is left as it is"
    else
        ln -sfn "$opt_dir/current/bin/$1" "$link"
    fi
}

# remove_software ROLE: the last role takes the versions along.
remove_software() {
    drop_role "$1"
    [ -z "$(roles)" ] || return 0
    rm -rf "$opt_dir/versions" "$opt_dir"/{current,previous,proven} "$opt_dir/roles" "$opt_dir/sums"
    rmdir --ignore-fail-on-non-empty "$opt_dir" 2>/dev/null || true
}
