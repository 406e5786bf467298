# shellcheck shell=bash
# Sourced by install-hub: what it says at the end, and how a hub is removed. Needs: the other parts.

# tell_hub: address, first administrator, firewall, what to do next.
tell_hub() {
    local url link
    url="$(sed -n 's/^ *public_url: *//p' "$hub_settings" | head -n 1)"
    say "version $version is installed"
    "$hub" ca show | sed 's/^/   /'
    if ! $is_start || ! is_booted; then
        say "it starts with the system: systemctl start camwatch-hub"
        return
    fi
    look_for_open_doors
    hint_firewall
    say "the console: $url"
    if link="$(first_link)"; then
        say "nobody can administrate yet: open this link once, within 24 hours"
        printf '   %s\n' "$link"
    fi
    say "browsers and nodes trust this hub by /etc/camwatch/hub-ca.pem"
    say "next, a node: $(as_words "$hub_user") camwatch-hub node add gate-3 --camera gate=rtsp://ADDRESS/PATH --to $hub_state/gate-3.node"
    say "how this hub is, at any time: $(as_words "$hub_user") camwatch-hub doctor"
}

# first_link: one for the first administrator, made now; false where there is one. What the hub's log
# holds may be older than a link lives.
first_link() { as "$hub_user" "$opt_dir/current/bin/camwatch-hub" user first --config "$hub_settings" 2>/dev/null; }

# look_for_open_doors: plain MQTT is for this machine alone, whoever opened it.
look_for_open_doors() {
    local open
    command -v ss >/dev/null || return 0
    open="$(ss -Hltn 'sport = :1883' | awk '{print $4}' | grep -v -e '^127\.' -e '^\[::1\]' || true)"
    [ -z "$open" ] || fail "plain MQTT is open to the network: $open" \
        "a file in /etc/mosquitto/conf.d beside camwatch.conf opens it: remove that listener, and systemctl restart mosquitto"
}

# hint_firewall: what would keep nodes and browsers out. Nothing is changed.
hint_firewall() {
    if command -v ufw >/dev/null && ufw status 2>/dev/null | grep -q '^Status: active'; then
        say "the firewall must let nodes in: ufw allow 8443/tcp && ufw allow 8883/tcp"
    elif command -v firewall-cmd >/dev/null && firewall-cmd --state >/dev/null 2>&1; then
        say "the firewall must let nodes in: firewall-cmd --permanent --add-port=8443/tcp --add-port=8883/tcp && firewall-cmd --reload"
    elif command -v nft >/dev/null && nft list ruleset 2>/dev/null | grep -q 'hook input.*policy drop'; then
        say "the firewall must let nodes in: accept tcp dport { 8443, 8883 } in its input chain"
    else
        say "nodes and browsers need TCP ports 8443 and 8883 of this machine, also through firewalls between"
    fi
}

# uninstall_hub: the software; what makes it this hub stays unless told.
uninstall_hub() {
    local place="" archived
    hub="$opt_dir/current/bin/camwatch-hub"
    if $is_purge; then
        find_python
        place="$(archive_folder 2>/dev/null || true)"
        archived="$(du -sh "${place:-$hub_state}" 2>/dev/null | cut -f1)"
        confirm "This removes the archive in ${place:-$hub_state} (${archived:-empty}), the hub's key, its authority and all accounts. Every node would need a new node file." purge ||
            fail "nothing was removed"
    fi
    remove_units "${hub_units[@]}"
    rm -f "$broker_drop_in"
    rmdir --ignore-fail-on-non-empty "$unit_dir/mosquitto.service.d" 2>/dev/null || true
    rm -f "$broker_conf" "$broker_conf.new"
    in_system systemctl daemon-reload
    leave_broker
    if [ "$(readlink /usr/local/bin/camwatch-hub)" = "$hub" ]; then rm -f /usr/local/bin/camwatch-hub; fi
    remove_software hub
    if $is_purge; then
        purge_hub "$place"
    else
        say "the software is gone; /etc/camwatch, $hub_state, /var/lib/camwatch-ca and the archive stay, and install-hub takes them up again"
    fi
}

# leave_broker: Mosquitto with its own settings where others use it, else stopped.
leave_broker() {
    is_booted || return 0
    if compgen -G '/etc/mosquitto/conf.d/*.conf' >/dev/null; then
        systemctl restart mosquitto || warn "mosquitto does not start without our settings: journalctl -u mosquitto"
    else
        systemctl --quiet disable --now mosquitto.service 2>/dev/null || true
    fi
    say "Debian's package mosquitto stays: apt-get purge mosquitto removes it"
}

# purge_hub ARCHIVE: of the archive's folder only what the hub made.
purge_hub() {
    local each
    if [ -n "$1" ]; then
        for each in archive.sqlite archive.sqlite-wal archive.sqlite-shm archive.id clips snapshots traces plans uploads; do
            rm -rf "${1:?}/$each"
        done
        rmdir --ignore-fail-on-non-empty "$1" 2>/dev/null || true
    fi
    rm -rf "$hub_state" "$archive_drop_in"
    if [ -d /var/lib/camwatch-ca ]; then
        find /var/lib/camwatch-ca -type f -exec shred --remove {} + 2>/dev/null || true
        rm -rf /var/lib/camwatch-ca
    fi
    rmdir --ignore-fail-on-non-empty "$unit_dir/camwatch-hub.service.d" 2>/dev/null || true
    rm -f /etc/camwatch/{hub.yaml,hub-ca.pem,hub.pem,hub-key.pem,broker.pem,broker-key.pem}
    rm -f /var/lib/systemd/timers/stamp-camwatch-ca.timer
    rmdir --ignore-fail-on-non-empty /etc/camwatch 2>/dev/null || true
    drop_user "$hub_user"
    say "the hub is gone, with its archive"
}
