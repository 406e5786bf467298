# shellcheck shell=bash
# Sourced by install-hub: what a hub needs beside the software. Needs: the other parts.

hub_user=camwatch-hub
hub_state=/var/lib/camwatch-hub
hub_settings=/etc/camwatch/hub.yaml
hub_units=("camwatch-hub.*" "camwatch-ca.*" "camwatch-broker*")
broker_conf=/etc/mosquitto/conf.d/camwatch.conf
broker_drop_in="$unit_dir/mosquitto.service.d/camwatch.conf"
archive_drop_in="$unit_dir/camwatch-hub.service.d/archive.conf"
hub_doctor=("$opt_dir/current/bin/camwatch-hub" doctor)
START_LIMIT_S=60

# check_words: what was typed, before anything is changed.
check_words() {
    local file
    if [ -n "$time_zone" ] && [ ! -f "/usr/share/zoneinfo/$time_zone" ]; then
        fail "--time-zone $time_zone is not known here" "a name as in /usr/share/zoneinfo, such as Asia/Ho_Chi_Minh" 78
    fi
    case "$archive" in "" | /*) ;; *) fail "--archive $archive is not a whole path" "begin it with /" 78 ;; esac
    if [ -n "$archive" ]; then archive="$(realpath -m "$archive")"; fi
    case "$archive" in
        / | /etc* | /usr* | /boot* | /opt* | /proc* | /sys* | /dev* | /run* | /tmp* | /home* | /root*)
            fail "--archive $archive is no place for an archive" "choose a folder below /srv or /mnt" 78 ;;
    esac
    if [ -n "$archive" ] && ! $is_same_disk && [ ! -f "$archive/archive.id" ] && [ "$(disk_of "$archive")" = "$(disk_of "$hub_state")" ]; then
        fail "--archive $archive is not on a disk of its own" "mount that disk first; or add --same-disk, if it shall have none" 78
    fi
    for file in "$cert" "$key" "$ca"; do
        [ -z "$file" ] || [ -r "$file" ] || fail "$file cannot be read" "give three PEM files" 78
    done
}

# disk_of PATH: the number of the disk it is on, or would be.
disk_of() {
    local place="$1"
    while [ ! -e "$place" ]; do place="$(dirname "$place")"; done
    stat -c %d "$place"
}

# install_hub: everything, in an order in which a power cut leaves the running version alone.
install_hub() {
    local before=unknown old
    need_packages mosquitto
    add_role hub
    need_user "$hub_user"
    need_settings_folder ""
    install_version
    hub="$opt_dir/versions/$version/bin/camwatch-hub"
    old="$(current_version)"
    if [ -n "$old" ] && is_hub_running; then before="$(hub_failures)"; fi
    make_hub_folders
    put_hub_settings
    make_certificates
    put_hub_units
    switch_to "$version"
    link_command camwatch-hub
    if $is_start && is_booted; then start_hub "$old" "$before"; fi
    drop_old_versions
    tell_hub
}

is_hub_running() { is_booted && systemctl is-active --quiet camwatch-hub; }
hub_failures() { failures "$hub_user" "${hub_doctor[@]}"; }

make_hub_folders() {
    install -d -o "$hub_user" -g "$hub_user" -m 711 "$hub_state"
    install -d -o "$hub_user" -g mosquitto -m 2750 "$hub_state/broker"
    if [ -n "$archive" ]; then install -d -o "$hub_user" -g "$hub_user" -m 700 "$archive"; fi
}

# put_hub_settings: once; afterwards they are the administrator's.
put_hub_settings() {
    local first
    if [ -f "$hub_settings" ]; then
        [ -z "$archive$time_zone" ] || warn "$hub_settings is there already and stays: change it there"
    else
        if [ ${#names[@]} -eq 0 ]; then own_names; fi
        first="${names[1]}"
        case "$first" in *:*) first="[$first]" ;; esac
        rm -f "$hub_settings.part" # a node's user may write to this folder too: no link is followed
        (set -o noclobber && hub_settings_text "$first" >"$hub_settings.part") || fail "$hub_settings.part cannot be written"
        chmod 644 "$hub_settings.part" && mv -f "$hub_settings.part" "$hub_settings"
    fi
    if $is_same_disk && [ ! -f "$hub_state/archive.id" ]; then
        as "$hub_user" "$hub" accept-archive --config "$hub_settings" >/dev/null || fail "the archive's folder cannot be used (above: why)"
    fi
    # Says what is wrong in them, with 78.
    as "$hub_user" "$hub" key --config "$hub_settings" >/dev/null || fail "the hub cannot use its settings (above: why)" "edit $hub_settings, then run $program again" $?
}

# hub_settings_text HOST: what the installer knows; everything else has a default.
hub_settings_text() {
    cat <<TEXT
# Settings of this hub, written once by install-hub and yours from then on. All that can be set, with
# the defaults: docs/configuration.md. After a change: systemctl restart camwatch-hub
state_dir: $hub_state
${archive:+archive_dir: $archive
}${time_zone:+time_zone: $time_zone
}http:
  host: 0.0.0.0
  port: 8443
  cert_file: /etc/camwatch/hub.pem
  key_file: /etc/camwatch/hub-key.pem
  public_url: https://$1:8443
nodes:
  ca_file: /etc/camwatch/hub-ca.pem
TEXT
}

# own_names: this machine's, where none were given.
own_names() {
    local each
    for each in $(hostname -A 2>/dev/null) "$(hostname).local"; do
        case "$each" in localhost*) ;; *) names+=(--name "$each") ;; esac
    done
    for each in $(hostname -I 2>/dev/null); do
        case "$each" in fe80:* | 127.*) ;; *) names+=(--address "$each") ;; esac
    done
    say "no --name was given; certificates are for: ${names[*]}"
}

# make_certificates: from an authority of our own, or what was given; always for what nodes are told.
make_certificates() {
    local told needs=() each
    told="$(told_hosts)"
    for each in $told; do needs+=(--needs "$each"); done
    if [ -n "$cert" ]; then
        [ ${#names[@]} -gt 0 ] || fail "what are the certificates for?" "add --name or --address, as nodes will call this hub"
        "$hub" ca use --cert "$cert" --key "$key" --ca "$ca" "${names[@]}" "${needs[@]}" ||
            fail "the certificates cannot be used" "by $hub_settings nodes call this hub ${told//$'\n'/, }: they must be for that too"
    elif [ ${#names[@]} -gt 0 ] || [ ${#ca_options[@]} -gt 0 ]; then
        "$hub" ca make "${names[@]}" "${ca_options[@]}" "${needs[@]}" || fail "the certificates were not made (above: why)"
    else
        "$hub" ca renew >/dev/null || fail "the certificates were not renewed"
        "$hub" ca show >/dev/null || fail "this hub has no certificates" "run $program with --name or --address, as nodes will call it"
    fi
    tell_told "$told"
}

# tell_told HOSTS: names were given, and by the settings nodes still call this hub by others alone.
tell_told() {
    local each
    [ ${#names[@]} -gt 0 ] || return 0
    for each in $1; do
        case " ${names[*],,} " in *" $each "*) return 0 ;; esac
    done
    [ -z "$1" ] || say "nodes and browsers are still told ${1//$'\n'/, }: if that is no longer this hub," \
        "edit public_url in $hub_settings, then systemctl restart camwatch-hub"
}

# told_hosts: what nodes and browsers are told to call this hub, by the settings, one a line.
told_hosts() {
    "${hub%/*}/python" -P -c '
import sys
from pathlib import Path
from urllib.parse import urlsplit
from hub.config import load_file
settings = load_file(Path(sys.argv[1]))
urls = (settings.nodes.url, settings.http.public_url)
hosts = [urlsplit(url).hostname for url in urls if url and url.startswith("https:")]
print("\n".join(dict.fromkeys(each for each in (*hosts, settings.nodes.mqtt_host) if each)))' "$hub_settings"
}

# put_hub_units: the services, the broker's sandbox and settings. Sets is_broker_changed.
put_hub_units() {
    is_broker_changed=false
    if put "$source_dir/systemd/mosquitto.service.d/camwatch.conf" "$broker_drop_in"; then is_broker_changed=true; fi
    put_archive_drop_in
    if $is_changed; then in_system systemctl daemon-reload; fi
    put_units "${hub_units[@]}"
    if put_kept "$source_dir/config/mosquitto/mosquitto.example.conf" "$broker_conf"; then is_broker_changed=true; fi
    systemctl --quiet enable mosquitto.service 2>/dev/null || fail "mosquitto.service cannot be enabled"
}

# put_archive_drop_in: lets the hub write to an archive elsewhere, and wait for its disk.
put_archive_drop_in() {
    local place text
    place="$(archive_folder)"
    case "$place" in "$hub_state" | "$hub_state"/* | /srv/camwatch | /srv/camwatch/*) return 0 ;; esac
    text="$(mktemp)"
    printf '[Unit]\nRequiresMountsFor=%s\n\n[Service]\nReadWritePaths=%s\n' "$place" "$place" >"$text"
    put "$text" "$archive_drop_in" || true
    rm -f "$text"
}

# archive_folder: as the settings say.
archive_folder() {
    "${hub%/*}/python" -P -c '
import sys
from pathlib import Path
from hub.config import load_file
print(load_file(Path(sys.argv[1])).archive_folder)' "$hub_settings"
}

# start_hub OLD FAILED_BEFORE: and go back to version OLD where the new one does worse.
start_hub() {
    local old="$1" before="$2" worse=""
    start_broker
    if ! is_hub_running || $is_changed; then
        restart $(units_of "${hub_units[@]}") camwatch-edge.service || worse="it does not start"
    fi
    if [ -z "$worse" ]; then
        # Certificates that were made above: whoever was not started anew reads them now.
        "$hub" ca renew --reload >/dev/null || fail "broker and hub did not take up their certificates" "systemctl reload mosquitto camwatch-hub"
        worse="$(worse_than "$before" hub_failures)"
    fi
    [ -n "$worse" ] || return 0
    if [ -n "$old" ] && [ "$old" != "$version" ] && [ "$before" != unknown ]; then
        take_back "$old" "$worse"
    fi
    as "$hub_user" "${hub_doctor[@]}" || true
    fail "the hub does not work yet: $worse" "each line above says what to do; journalctl -u camwatch-hub -u mosquitto -n 50 tells more"
}

# take_back OLD WORSE: have version OLD run again and end; return where it cannot, and the new one stays.
take_back() {
    local old="$1"
    if ! can_open "$old"; then
        warn "version $version does worse, AND IT STAYS: $old cannot open the archive as it is now"
        return
    fi
    switch_to "$old"
    if restart $(units_of "${hub_units[@]}"); then
        restart camwatch-edge.service || warn "camwatch-edge does not start: journalctl -u camwatch-edge tells more"
        fail "version $version does worse ($2), so $old runs again" "journalctl -u camwatch-hub -n 50 tells more"
    fi
    switch_to "$version"
    restart $(units_of "${hub_units[@]}") camwatch-edge.service || true
    warn "version $version does worse, AND IT STAYS: $old does not start any more"
}

# can_open VERSION: whether its doctor opens the archive, which a newer version may have brought to its form.
can_open() {
    local failed
    failed="$(failures "$hub_user" "$opt_dir/versions/$1/bin/camwatch-hub" doctor)"
    ! grep -qx archive <<<"$failed"
}

# start_broker: it needs the files that the hub writes at its start.
start_broker() {
    local tries
    if [ ! -f "$hub_state/broker/passwd" ]; then
        systemctl start --no-block camwatch-hub.service
        for ((tries = 0; tries < START_LIMIT_S; tries++)); do
            [ ! -f "$hub_state/broker/passwd" ] || break
            [ "$(systemctl show -p NRestarts --value camwatch-hub.service)" = 0 ] || break
            sleep 1
        done
        [ -f "$hub_state/broker/passwd" ] || no_start camwatch-hub "the hub does not start"
    fi
    if $is_broker_changed || ! systemctl is-active --quiet mosquitto; then
        systemctl restart mosquitto 2>/dev/null || no_start mosquitto "the broker does not start; does another program use port 8883 or 1883?"
    fi
}

# no_start UNIT MESSAGE: the end of its log says why.
no_start() {
    journalctl -u "$1" -n 5 -o cat --no-pager >&2
    fail "$2" "the lines above say why; journalctl -u $1 tells more"
}
