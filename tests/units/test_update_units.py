"""An update as systemd carries it out: the path unit starts the installer, whose sandbox lets it
build, test, switch, restart and watch, and nothing else is needed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edge import __version__
from edge.keys import load_or_make
from tests.harness import releases
from tests.harness.releases import ARCH
from tests.units.container import (
    BRIEF,
    NODE_SETTINGS,
    OPT,
    PYTHON,
    ROOT,
    Container,
    container,
)
from tests.units.test_enforcement import BROKER_SETTINGS, HUB_SETTINGS, SYNC, said

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(1500)]

NEW = "0.2.0"
OLD = f"/{OPT}/versions/{__version__}"
PROGRESS = "/var/lib/camwatch-update/progress.json"
TERMS = f"""[Service]
ExecStart=
ExecStart=/{OPT}/proven/bin/camwatch-edge update run --config /etc/camwatch/edge.yaml \\
    --hold-s 10 --limit-s 300 --silent-s 200
"""
STEPS = f"""
hub() {{ runuser -u camwatch-hub -- {OLD}/bin/camwatch-hub "$@"; }}
systemctl daemon-reload
systemctl start camwatch-hub
hub node add gate-3 --secret-to /var/lib/camwatch-hub/gate-3.secret
install -o camwatch-edge -m 600 /var/lib/camwatch-hub/gate-3.secret /etc/camwatch/gate-3.secret
hub key > /etc/camwatch/hub.pub
systemctl restart mosquitto
systemctl start camwatch-update.path camwatch-edge
hub release trust /var/tmp/maker.pub
hub release add /var/tmp/new.release
for i in $(seq 120); do
    hub release nodes --json | grep -q '"can_update": true' && break
    sleep 1
done
hub release roll-out {NEW} --stage all --healthy-for 1s
for i in $(seq 400); do
    hub release status --json | grep -q '"state": "running"' || break
    sleep 1
done
echo "STATUS $(hub release status --json)"
echo "NODE $(hub release nodes --json)"
echo "LINKS $(readlink /{OPT}/current) $(readlink /{OPT}/proven)"
echo "AGENT $(systemctl show camwatch-edge -p ActiveState -p MainPID | tr '\\n' ' ')"
echo "RUNS $(tr '\\0' ' ' < /proc/$(systemctl show -p MainPID --value camwatch-edge)/cmdline)"
echo "UPDATE $(systemctl show camwatch-update.service -p ActiveState -p Result | tr '\\n' ' ')"
echo "OWNER $(stat -c '%U %a' /{OPT}/versions/{NEW} {PROGRESS} | tr '\\n' ' ')"
journalctl --no-pager -u camwatch-update -u camwatch-edge -n 60
"""


@pytest.fixture
def made(tmp_path: Path) -> object:
    with container(tmp_path / "container") as root:
        _lay_out(root)
        yield root


def _lay_out(made: Container) -> None:
    """As install-node would: a version with a number, both links, the installer's folders."""
    made.run(str(PYTHON), "-m", "venv", "--without-pip", OLD)
    (packages,) = (made.root / OLD.lstrip("/")).glob("lib/python3*/site-packages")
    (packages / "camwatch.pth").write_text(f"/{OPT}/packages\n/{OPT}/src\n", encoding="ascii")
    for name, module in (("camwatch-edge", "edge.cli"), ("camwatch-hub", "hub.cli")):
        made.write(
            f"{OLD}/bin/{name}",
            f"#!{OLD}/bin/python\nimport sys\nfrom {module} import main\nsys.exit(main())\n",
            mode=0o755,
        )
    for link in ("current", "proven"):
        path = made.root / OPT / link
        path.unlink(missing_ok=True)
        path.symlink_to(f"versions/{__version__}")
    units = made.root / "etc/systemd/system"
    shutil.copy(ROOT / "systemd/camwatch-update.path", units)
    made.write("/etc/systemd/system/camwatch-update.service.d/terms.conf", TERMS)
    for folder in ("var/lib/camwatch-update", "etc/camwatch/release-keys"):
        (made.root / folder).mkdir(parents=True, exist_ok=True)


def test_the_units_install_an_update_from_the_hub(made: Container, tmp_path: Path) -> None:
    """From an order to a version that proved itself; the installer runs as root, closed in."""
    maker = load_or_make(tmp_path / "maker.key")
    seen = made.root / OPT / "libraries"
    seen.mkdir()
    for top in releases.library_places():
        (seen / top).symlink_to(f"/{OPT}/packages/{top}")
    borrowing = releases.borrowing_wheel(Path(f"/{OPT}/libraries"))
    tar = releases.bundle(
        tmp_path / "b.tar", NEW, {"camwatch_borrowed-1.0-py3-none-any.whl": borrowing},
        releases.camwatch_wheel(NEW),
    )  # fmt: skip
    release = releases.sign(maker, NEW, {ARCH: tar}).write(tmp_path / "new.release")
    shutil.copy(release, made.root / "var/tmp/new.release")
    (made.root / "var/tmp/new.release").chmod(0o644)
    made.write("/var/tmp/maker.pub", maker.public.text)
    made.write("/etc/camwatch/release-keys/maker.pub", maker.public.text)
    made.write("/etc/camwatch/hub.yaml", HUB_SETTINGS)
    made.write("/etc/camwatch/edge.yaml", NODE_SETTINGS + BRIEF)
    made.write("/etc/mosquitto/conf.d/camwatch.conf", BROKER_SETTINGS)
    text = made.boot(SYNC + STEPS)
    assert json.loads(said(text, "STATUS"))["state"] == "done", text[-6000:]
    node = json.loads(said(text, "NODE"))
    assert (node["stage"], node["version"]) == ("good", NEW)
    assert said(text, "LINKS") == f"versions/{NEW} versions/{NEW}"
    assert "ActiveState=active" in said(text, "AGENT")
    assert f"versions/{NEW}" in said(text, "RUNS") or "current/bin" in said(text, "RUNS")
    assert "Result=success" in said(text, "UPDATE")
    assert said(text, "OWNER").split() == ["root", "755", "root", "644"]
