# shellcheck shell=bash
# Sourced by install-node: what a node needs beside the software. Needs: the other parts.

node_user=camwatch-edge
node_state=/var/lib/camwatch-edge
update_state=/var/lib/camwatch-update
node_settings=/etc/camwatch/edge.yaml
node_unit=camwatch-edge.service
node_units=("camwatch-edge.*" "camwatch-update.*")

# install_node: everything, in an order in which a power cut leaves the running version alone.
install_node() {
    local before=unknown old
    add_role node
    need_user "$node_user" video
    install -d -o "$node_user" -g "$node_user" -m 700 "$node_state"
    need_settings_folder "$node_user"
    install -d -m 755 /etc/camwatch/release-keys "$update_state"
    put_release_keys
    install_version
    old="$(current_version)"
    if [ -n "$old" ] && [ "$old" != "$version" ]; then try_node; fi
    if [ -n "$old" ] && is_node_running; then before="$(node_failures)"; fi
    end_trial
    old="$(current_version)"
    switch_to "$version"
    link_command camwatch-edge
    put_node_units
    enrol_node
    start_node "$old" "$before"
    point proven "$version"
    drop_old_versions
    tell_node
}

# put_release_keys: whose releases this node takes; those of before stay.
put_release_keys() {
    local key
    for key in "$source_dir"/config/release-keys/*.pub; do
        if [ -f "$key" ]; then put "$key" "/etc/camwatch/release-keys/$(basename "$key")" || true; fi
    done
}

# try_node: whether the new version does a node's work here, before anything is changed.
try_node() {
    say "trying version $version"
    (cd / && as "$node_user" "$opt_dir/versions/$version/bin/camwatch-edge" self-test) ||
        fail "version $version does not work on this machine, and nothing was changed" "the lines above say why"
}

# end_trial: of an update that was cut short while it was tried; else that trial would be gone on with later, and
# take the place of this installation. What is gone back to then is the version before it, which proved itself.
end_trial() {
    local ran
    [ -e "$update_state/trial" ] || return 0
    ran="$(current_version)"
    say "ending the trial of an update that was cut short"
    "$opt_dir/versions/$version/bin/camwatch-edge" update end-trial ||
        fail "the trial of an update cannot be ended, so version $version was not switched to" "the lines above say why"
    if [ "$ran" != "$(current_version)" ]; then is_changed=true; fi
}

is_node_running() { is_booted && systemctl is-active --quiet "$node_unit"; }

node_doctor=("$opt_dir/current/bin/camwatch-edge" doctor --seconds 3 --config "$node_settings")

node_failures() { failures "$node_user" "${node_doctor[@]}"; }

# put_node_units: the unit, the log in memory, the board's watchdog.
put_node_units() {
    local units="$source_dir/systemd"
    put_units "${node_units[@]}"
    if put_kept "$units/journald.conf.d/camwatch.conf" /etc/systemd/journald.conf.d/camwatch.conf; then
        in_system systemctl restart systemd-journald
    fi
    if put_kept "$units/system.conf.d/camwatch.conf" /etc/systemd/system.conf.d/camwatch.conf; then
        in_system systemctl daemon-reexec
    fi
}

# enrol_node: redeem the node file, which is a secret and is wiped afterwards. The node's user gets it by a
# pipe: root writes nothing into that user's folder, where links may lie. Cut off, it is done again.
enrol_node() {
    local status=0
    if [ -z "$node_file" ]; then
        [ -f "$node_settings" ] || fail "the software is installed, and this node belongs to no hub yet" \
            "make a node file at the hub (camwatch-hub node add NAME --to NAME.node), and run: $program NAME.node"
        return
    fi
    say "enrolling at the hub"
    dd if="$node_file" iflag=nofollow status=none |
        as "$node_user" "$opt_dir/current/bin/camwatch-edge" enrol - --config "$node_settings" \
            ${wait:+--wait "$wait"} || status=$?
    if [ "$status" -ne 0 ]; then
        fail "the software is installed, and the hub did not take this node (above: why)" \
            "mend that, then run $program again; with a new node file where the token is used or too old" "$status"
    fi
    wipe "$node_file"
    as "$node_user" rm -f "$node_state/$(basename "$node_file")" # a copy that earlier installers made
    is_changed=true
}

# wipe FILE: overwritten where the medium allows, and gone; of a link, the link alone.
wipe() {
    local size
    size="$(stat -c %s "$1" 2>/dev/null || echo 0)"
    if [ -f "$1" ] && [ "$size" -gt 0 ]; then
        dd if=/dev/zero of="$1" bs="$size" count=1 conv=nocreat,notrunc,fsync oflag=nofollow status=none 2>/dev/null || true
    fi
    rm -f "$1"
}

# start_node OLD FAILED_BEFORE: and go back to version OLD where the new one does worse.
start_node() {
    local old="$1" before="$2" worse=""
    $is_start && is_booted || return 0
    if is_node_running && ! $is_changed; then return; fi
    if ! restart $(units_of "${node_units[@]}") camwatch-hub.service; then
        worse="it does not start"
    elif [ "$before" != unknown ] && [ "$old" != "$version" ]; then
        worse="$(worse_than "$before" node_failures)"
    fi
    [ -n "$worse" ] || return 0
    if [ -n "$old" ] && [ "$old" != "$version" ]; then
        switch_to "$old"
        restart $(units_of "${node_units[@]}") camwatch-hub.service || true
        fail "version $version does worse ($worse), so $old runs again" "journalctl -u camwatch-edge -n 50 tells more"
    fi
    fail "the node does not start" \
        "journalctl -u camwatch-edge -n 30 tells why, camwatch-edge check-config what is wrong in the settings"
}

# tell_node: what an installer wants to see before leaving.
tell_node() {
    say "version $version is installed"
    if $is_start && $is_doctor && is_booted; then
        say "how this node is (again at any time: $(as_words "$node_user") camwatch-edge doctor)"
        as "$node_user" "${node_doctor[@]}" || warn "some of it does not work yet: each line says what to do"
    elif $is_start && is_booted; then
        say "it runs; $(as_words "$node_user") camwatch-edge doctor looks at it"
    else
        say "it starts with the system"
    fi
}

# uninstall_node: the software; what makes it this node stays unless told.
uninstall_node() {
    if $is_purge; then
        confirm "This removes the node's settings, its key and all records and clips that the hub does not have yet." purge ||
            fail "nothing was removed"
    fi
    remove_units "${node_units[@]}"
    rm -f /etc/systemd/{journald,system}.conf.d/camwatch.conf{,.new}
    in_system systemctl restart systemd-journald
    in_system systemctl daemon-reexec
    if [ "$(readlink /usr/local/bin/camwatch-edge)" = "$opt_dir/current/bin/camwatch-edge" ]; then rm -f /usr/local/bin/camwatch-edge; fi
    remove_software node
    if ! $is_purge; then
        say "the software is gone; $node_state and /etc/camwatch stay, and install-node takes them up again"
        return
    fi
    (cd / && as "$node_user" find /etc/camwatch -maxdepth 1 -type f -user "$node_user" -exec shred --remove {} +) 2>/dev/null || true
    rm -rf "$unit_dir/$node_unit.d" "$node_state" "$update_state"
    if [ -f /etc/camwatch/hub.yaml ]; then chown root:root /etc/camwatch; else rm -rf /etc/camwatch; fi
    drop_user "$node_user"
    say "the node is gone; at the hub: camwatch-hub node revoke NAME"
}
