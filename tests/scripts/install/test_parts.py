"""Parts of the installers that a whole installation shows too late or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LIB = Path(__file__).parents[3] / "scripts" / "lib" / "install"
# A version whose programs start, or do not; building it is only noted. All else is the installer's.
SOFTWARE = f"""
for part in words source system software node; do . {LIB}/$part.sh; done
opt_dir=$PWD/opt python=python3
software_version() {{ echo 1.0; }}
source_sum() {{ echo sum; }}
check_room() {{ :; }}
program_at() {{
    mkdir -p "$1/bin"
    printf '#!/bin/sh\\nexit %s\\n' "$2" >"$1/bin/python"
    chmod 755 "$1/bin/python"
}}
build_version() {{ echo built; rm -rf "$1"; program_at "$1" 0; }}
add_role node
"""


def bash(folder: Path, text: str, sourced: str = SOFTWARE) -> str:
    """What the commands print, run as an installer runs them."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", sourced + text],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_file_is_wiped_and_a_link_is_not_followed(tmp_path: Path) -> None:
    """What a link names stays, whoever planted it."""
    (tmp_path / "theirs").write_text("kept")
    (tmp_path / "link").symlink_to("theirs")
    (tmp_path / "secret").write_text("token")
    (tmp_path / "same").hardlink_to(tmp_path / "secret")
    (tmp_path / "empty").touch()
    bash(tmp_path, "for each in link secret empty nowhere; do wipe $each; done")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["same", "theirs"]
    assert (tmp_path / "theirs").read_text() == "kept"
    assert (tmp_path / "same").read_bytes() == bytes(5), "it was written over"


def test_all_of_a_version_is_on_the_disk_before_its_mark(tmp_path: Path) -> None:
    """A power cut between leaves a version that is built again."""
    noted = 'sync() { echo "sync: $(ls opt/versions/1.0 | xargs)"; command sync "$@"; }\n'
    said = bash(tmp_path, noted + "install_version").splitlines()
    assert [line for line in said if line.startswith(("built", "sync"))] == [
        "built",
        "sync: bin",
        "sync: bin camwatch-installed.part",
        "sync: bin camwatch-installed",
    ]


@pytest.mark.parametrize("is_running", [False, True])
def test_a_marked_version_that_does_not_start_is_built_anew(
    tmp_path: Path, is_running: bool
) -> None:
    """Unless it runs; one that is sound is left alone."""
    assert "built" in bash(tmp_path, "install_version")
    assert "built" not in bash(tmp_path, "install_version")
    if is_running:
        bash(tmp_path, "point current 1.0")
    again = bash(tmp_path, "program_at opt/versions/1.0 1; install_version")
    assert ("built" in again) is not is_running
    assert "built" not in bash(tmp_path, "install_version")


# install_node with what it does to the system left out; 3.0 is brought while 2.0 is on trial.
NODE = f"""
for part in words source system software health node; do . {LIB}/$part.sh; done
opt_dir=$PWD/opt update_state=$PWD/update is_start=false
for each in add_role need_user install need_settings_folder put_release_keys try_node \\
    link_command put_node_units enrol_node tell_node; do eval "$each() {{ :; }}"; done
install_version() {{ version=3.0; }}
is_node_running() {{ false; }}
start_node() {{ echo "start over $1, changed: $is_changed"; }}
mkdir -p update opt/versions/{{1.0,2.0,3.0}}/bin
touch opt/versions/{{1.0,2.0,3.0}}/camwatch-installed
cat >opt/versions/3.0/bin/camwatch-edge <<'END'
#!/bin/sh
echo "$*, while $(readlink opt/current) runs"
ln -sfn versions/1.0 opt/current
exit $(cat status)
END
chmod 755 opt/versions/3.0/bin/camwatch-edge
point current 2.0
point proven 1.0
"""


def test_a_trial_that_was_cut_short_is_ended_before_a_node_is_switched(tmp_path: Path) -> None:
    """It says so, and what it would go back to is the version that proved itself."""
    (tmp_path / "status").write_text("0")
    said = bash(
        tmp_path, "touch update/trial; install_node; readlink opt/previous; ls opt/versions", NODE
    )
    assert said.splitlines() == [
        "== ending the trial of an update that was cut short",
        "update end-trial, while versions/2.0 runs",
        "start over 1.0, changed: true",
        "versions/1.0",
        "1.0",
        "3.0",
    ]


def test_without_a_trial_none_is_ended(tmp_path: Path) -> None:
    """The version that runs is the one to go back to."""
    (tmp_path / "status").write_text("0")
    said = bash(tmp_path, "install_node; readlink opt/previous", NODE)
    assert said.splitlines() == ["start over 2.0, changed: true", "versions/2.0"]


def test_a_trial_that_cannot_be_ended_keeps_a_node_as_it_is(tmp_path: Path) -> None:
    """Else it would be gone on with in place of the new version."""
    (tmp_path / "status").write_text("1")
    text = "touch update/trial; (install_node 2>&1) || echo ended with $?; readlink opt/proven"
    said = bash(tmp_path, text, NODE)
    assert "the trial of an update cannot be ended" in said
    assert said.splitlines()[-2:] == ["ended with 1", "versions/1.0"]
    assert "start over" not in said


HUB = f"""
for part in words source system software health hub; do . {LIB}/$part.sh; done
opt_dir=$PWD/opt version=2.0 is_start=true
mkdir -p opt/versions/1.0 opt/versions/2.0
point previous 1.0
point current 2.0
units_of() {{ echo camwatch-hub.service; }}
failures() {{ echo $failing; }}
restart() {{ echo "restart $(current_version)"; [ "$(current_version)" != "$broken" ]; }}
"""


@pytest.mark.parametrize(
    ("failing", "broken", "restarted", "status"),
    [
        ("", "", ["1.0", "1.0"], 1),
        ("archive", "", [], 0),
        ("", "1.0", ["1.0", "2.0"], 0),
        ("people", "", ["1.0", "1.0"], 1),
    ],
)
def test_a_hub_goes_back_only_to_a_version_that_can_go_on(
    tmp_path: Path, failing: str, broken: str, restarted: list[str], status: int
) -> None:
    """By what its doctor says of the archive, and by its start; else the new one stays."""
    said = bash(
        tmp_path,
        f"failing={failing!r} broken={broken!r}; status=0\n"
        "(take_back 1.0 http 2>&1) || status=$?; echo $status; current_version",
        HUB,
    ).splitlines()
    assert [line.split()[1] for line in said if line.startswith("restart ")] == restarted
    assert said[-2:] == [str(status), "1.0" if status else "2.0"]
    assert any(("IT STAYS" if status == 0 else "1.0 runs again") in line for line in said)


CERTIFICATES = f"""
for part in words source system software health hub; do . {LIB}/$part.sh; done
hub_settings=$PWD/hub.yaml cert="" key="" ca="" names=() ca_options=()
mkdir -p bin
cat >bin/python <<'END'
#!/bin/sh
PYTHONPATH={LIB.parents[2]} exec {sys.executable} "$@"
END
cat >bin/hub <<'END'
#!/bin/sh
action=$2
shift 2
exec bin/python -m hub ca "$action" --folder ca --to public "$@"
END
chmod 755 bin/hub bin/python
hub=$PWD/bin/hub
told() {{ printf 'http:\n  public_url: https://%s:8443\n' "$1" >hub.yaml; }}
told hub.test
names=(--name hub.test --address 192.168.1.1)
[ -d ca ] || make_certificates >/dev/null
names=()
"""


def test_an_address_is_added_and_nodes_are_not_forgotten(tmp_path: Path) -> None:
    """Those that call the hub by a name of before still may; who is told what is said."""
    added = bash(tmp_path, "names=(--address 192.168.2.2); make_certificates", CERTIFICATES)
    assert "broker: a certificate for hub.test, 192.168.1.1, 192.168.2.2, until" in added
    assert "are still told hub.test: if that is no longer this hub, edit public_url" in added
    again = bash(tmp_path, "names=(--name Hub.test); make_certificates", CERTIFICATES)
    assert again == "nothing to do\n"


def test_what_nodes_are_told_is_not_dropped_from_the_certificates(tmp_path: Path) -> None:
    """Not before the settings say another; then it is."""
    text = "ca_options=(--drop hub.test)\n(make_certificates 2>&1) || echo ended with $?\n"
    said = bash(tmp_path, text, CERTIFICATES)
    assert "nodes are told to call this hub hub.test" in said and "public_url" in said
    assert said.splitlines()[-1] == "ended with 1"
    said = bash(tmp_path, "told 192.168.1.1\n" + text, CERTIFICATES)
    assert "hub: a certificate for 192.168.1.1, until" in said and "ended" not in said


def test_given_certificates_stay_where_a_name_is_given_again(tmp_path: Path) -> None:
    """Unless an authority of our own is asked for in so many words; they must be for what nodes
    are told."""
    given = """
    "$hub" ca make --folder other --to given --name hub.test >/dev/null
    cert=given/hub.pem key=given/hub-key.pem ca=given/hub-ca.pem names=(--name hub.test)
    """
    use = given + "make_certificates\ncert='' key='' ca=''\n"
    same = "cmp public/hub-ca.pem given/hub-ca.pem"
    text = use + f"(make_certificates 2>&1) || echo ended with $?; {same}"
    said = bash(tmp_path, text, CERTIFICATES)
    assert "not made by this hub's authority" in said and "--own" in said
    assert said.splitlines()[-1] == "ended with 1"
    own = use + "ca_options=(--own); make_certificates; ! cmp -s public/hub-ca.pem given/hub-ca.pem"
    assert "hub: a certificate for hub.test" in bash(tmp_path, own, CERTIFICATES)
    other = "told hub.example\n" + given + "(make_certificates 2>&1) || echo ended with $?"
    said = bash(tmp_path, other, CERTIFICATES)
    assert "for hub.example: Hostname mismatch" in said
    assert "nodes call this hub hub.example" in said and said.splitlines()[-1] == "ended with 1"


LINK = f"""
for part in words source system software health hub hub_out; do . {LIB}/$part.sh; done
opt_dir=$PWD hub_settings=$PWD/hub.yaml hub=camwatch_hub is_start=true version=2.0
mkdir -p current/bin
program=current/bin/camwatch-hub
printf '#!/bin/sh\n[ "$*" = "user first --config $PWD/hub.yaml" ] && cat fresh' >$program
chmod 755 $program
as() {{ shift; "$@"; }}
camwatch_hub() {{ :; }}
journalctl() {{ echo "within 24 h, open this link once: https://hub.test/welcome/old"; }}
is_booted() {{ :; }}
look_for_open_doors() {{ :; }}
hint_firewall() {{ :; }}
touch hub.yaml
"""


def test_the_first_administrators_link_is_made_when_it_is_shown(tmp_path: Path) -> None:
    """The one in the log may have ended since the hub was started; with one there is none."""
    assert "welcome" not in bash(tmp_path, "tell_hub", LINK)
    (tmp_path / "fresh").write_text("https://hub.test/welcome/new\n")
    said = bash(tmp_path, "tell_hub", LINK)
    assert "nobody can administrate yet" in said
    assert "   https://hub.test/welcome/new\n" in said and "old" not in said


HEALTH = f"""
for part in words system health; do . {LIB}/$part.sh; done
python=python3
as() {{ shift; "$@"; }}
"""
NODES_OF_A_CITY = 3000


def test_a_report_on_all_nodes_of_a_city_is_read(tmp_path: Path) -> None:
    """It is longer than the kernel lets one argument be; so an upgrade is judged all the same."""
    node = {"check": "node.gate", "outcome": "fail", "text": "it is not online " + 4 * "since "}
    report = {
        "findings": [
            {"check": "archive", "outcome": "fail", "text": "no room"},
            {"check": "http", "outcome": "pass", "text": "answers"},
            *(node | {"check": f"node.gate-{number}"} for number in range(NODES_OF_A_CITY)),
        ]
    }
    (tmp_path / "report").write_text(json.dumps(report))
    assert (tmp_path / "report").stat().st_size > 32 * 4096  # MAX_ARG_STRLEN, execve(2)
    doctor = "doctor() { cat report; return 1; }\n"
    assert bash(tmp_path, doctor + "failures hub doctor", HEALTH) == "archive\n"


@pytest.mark.parametrize("said", ["", "Killed", "{}", "\\xff"])
def test_a_doctor_that_cannot_say_anything_fails_itself(tmp_path: Path, said: str) -> None:
    """As of a version that does not start at all."""
    doctor = f"doctor() {{ printf '{said}'; return 1; }}\n"
    assert bash(tmp_path, doctor + "failures hub doctor", HEALTH) == "doctor\n"
