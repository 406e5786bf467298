# shellcheck shell=bash
# Sourced by the installers: users, files, Debian packages, units. Needs: words.sh, software.sh.

unit_dir=/etc/systemd/system

need_root() {
    [ "$(id -u)" -eq 0 ] || fail "only root can install" "sudo $program ..."
    umask 022
}

# take_turns: one installer or update at a time.
take_turns() {
    exec 8>/run/camwatch-install.lock
    flock --nonblock 8 || fail "another installation or update is under way" "wait until it has ended, and run this again"
}

# need_64_bit: the packages exist for two kinds of machine.
need_64_bit() {
    case "$(uname -m)" in x86_64 | aarch64) ;; *) fail "this machine is $(uname -m)" "x86_64 or aarch64 is needed" ;; esac
    [ "$(getconf LONG_BIT)" = 64 ] || fail "this system is of 32 bits" "use the 64-bit Raspberry Pi OS or Debian"
}

# has_package NAME: whether Debian's package is installed.
has_package() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# need_packages PACKAGE ...: install those that are missing.
need_packages() {
    local missing=() each
    for each in "$@"; do has_package "$each" || missing+=("$each"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "please install: ${missing[*]}" "this system has no apt-get"
    say "installing Debian packages: ${missing[*]}"
    apt-get update -qq >/dev/null || warn "apt-get update failed; trying with the lists that are there"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "apt-get could not install: ${missing[*]}" "is the network there? Or install them from a medium, and run this again"
}

# need_user NAME [GROUP]: a user of the system, who cannot log in, in GROUP where that exists.
need_user() {
    getent passwd "$1" >/dev/null || useradd --system --home-dir "/var/lib/$1" --shell /usr/sbin/nologin "$1"
    if [ -n "${2:-}" ] && getent group "$2" >/dev/null; then usermod --append --groups "$2" "$1"; fi
}

# need_settings_folder OWNER: /etc/camwatch. Node and hub may share it; the sticky bit keeps each
# from replacing the other's files.
need_settings_folder() {
    install -d /etc/camwatch
    if [ -n "$1" ]; then
        chown "root:$1" /etc/camwatch && chmod 1775 /etc/camwatch
    elif [ "$(stat -c %G /etc/camwatch)" = root ]; then
        chmod 755 /etc/camwatch
    fi
}

# put SOURCE TARGET: true when TARGET was changed to be like SOURCE; then is_changed is true too.
is_changed=false
put() {
    cmp -s "$1" "$2" && return 1
    { install -D -m 644 "$1" "$2.part" && mv -f "$2.part" "$2"; } || fail "$2 cannot be written"
    is_changed=true
}

# put_units PATTERN ...: those of systemd/ whose names match, enabled where they can be.
put_units() {
    local pattern each is_new=false
    for pattern in "$@"; do
        for each in "$source_dir"/systemd/$pattern; do
            [ -f "$each" ] || continue
            if put "$each" "$unit_dir/$(basename "$each")"; then is_new=true; fi
        done
    done
    if $is_new; then in_system systemctl daemon-reload; fi
    for each in $(units_of "$@"); do systemctl --quiet enable "$each" 2>/dev/null || fail "$each cannot be enabled"; done
}

# units_of PATTERN ...: the names of installed ones that start with the system.
units_of() {
    local pattern each
    for pattern in "$@"; do
        for each in "$unit_dir"/$pattern; do
            if [ -f "$each" ] && grep -q '^\[Install\]' "$each"; then basename "$each"; fi
        done
    done
}

# remove_units PATTERN ...: stopped, disabled, gone. Their drop-ins stay.
remove_units() {
    local pattern each
    for each in $(units_of "$@"); do
        systemctl --quiet disable "$each" 2>/dev/null || true
        in_system systemctl stop "$each" 2>/dev/null || true
    done
    for pattern in "$@"; do
        for each in "$unit_dir"/$pattern; do
            if [ -f "$each" ]; then rm -f "$each"; fi
        done
    done
    in_system systemctl daemon-reload
}

# put_kept SOURCE TARGET: as `put`, but what somebody edited stays, and SOURCE lies beside it as .new.
put_kept() {
    local sums="$opt_dir/sums" known now
    known="$(sed -n "s#^\([0-9a-f]*\)  $2\$#\1#p" "$sums" 2>/dev/null)"
    now="$(sha256sum "$2" 2>/dev/null | cut -c1-64)"
    if [ -e "$2" ] && [ "$now" != "$known" ] && ! cmp -s "$1" "$2"; then
        cp "$1" "$2.new"
        warn "$2 was edited and stays; what this version would have put there is $2.new"
        return 1
    fi
    put "$1" "$2" || { remember_sum "$2" && return 1; }
    remember_sum "$2"
    rm -f "$2.new"
}

remember_sum() {
    local sums="$opt_dir/sums"
    { grep -v "  $1\$" "$sums" 2>/dev/null; sha256sum "$1"; } >"$sums.new"
    mv -f "$sums.new" "$sums"
}

# is_booted: whether systemd runs here; in a chroot or an image it does not.
is_booted() { [ -d /run/systemd/system ]; }

# in_system COMMAND ...: only where systemd runs.
in_system() { if is_booted; then "$@"; fi; }

# as USER COMMAND ...: without the privileges of root.
as() {
    local user="$1"
    shift
    runuser -u "$user" -- "$@"
}

# as_words USER: how a person does that here; Debian has no sudo of itself.
as_words() { if command -v sudo >/dev/null; then echo "sudo -u $1"; else echo "runuser -u $1 --"; fi; }

# drop_user NAME: with its group.
drop_user() {
    if getent passwd "$1" >/dev/null; then userdel "$1"; fi
    if getent group "$1" >/dev/null; then groupdel "$1" 2>/dev/null || true; fi
}
