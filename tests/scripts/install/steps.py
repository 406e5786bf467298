"""What happens in a container, step by step: a shell script whose results can be told apart."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

# As Raspberry Pi OS Lite has it: Python without ensurepip, and no pip beside it.
LITE = "rm -rf /usr/lib/python3*/ensurepip /usr/share/python-wheels\n"
HEAD = """
step() {
    local status=0
    echo "STEP $1"
    bash -c "$2" 2>&1 || status=$?
    echo "STATUS $status"
}
hub() { runuser -u camwatch-hub -- camwatch-hub "$@"; }
edge() { runuser -u camwatch-edge -- camwatch-edge "$@"; }
# The serial number of what a server shows, to a client that takes nothing but the hub's own.
serial() {
    echo | openssl s_client -connect "127.0.0.1:$1" -verify_return_error \\
        -verify_hostname hub.test \\
        -CAfile /etc/camwatch/hub-ca.pem 2>/dev/null | openssl x509 -noout -serial
}
# What is left of us outside of what this test brought along.
traces() {
    find /etc /opt /usr /var -xdev -name "*camwatch*" ! -path "/var/tmp/*" \\
        ! -name camwatch-last.service ! -name camwatch-steps
}
export -f hub edge serial traces
cd /bundle
"""


@dataclass(frozen=True)
class Step:
    """What one command printed, and its exit status."""

    text: str
    status: int


def script(lines: str) -> str:
    """A script of commands of bash, one a line, with a name before each."""
    steps = [line.split(maxsplit=1) for line in lines.splitlines() if line.strip()]
    return HEAD + "".join(f"step {name} {shlex.quote(command)}\n" for name, command in steps)


def results(text: str) -> dict[str, Step]:
    """By the steps' names."""
    pattern = re.compile(r"^STEP (\S+)\n(.*?)^STATUS (\d+)$", re.MULTILINE | re.DOTALL)
    return {name: Step(said, int(status)) for name, said, status in pattern.findall(text)}
