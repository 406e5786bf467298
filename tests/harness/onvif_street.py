"""`ipycam`'s ONVIF services and its WS-Discovery on loopback, then a command beside them.

`python -m tests.harness.onvif_street COMMAND ...` is meant for a network namespace of its own: the
port of WS-Discovery is fixed. Ends with the command's exit status.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

from ipycam.config import CameraConfig
from ipycam.discovery import WSDiscoveryServer
from ipycam.http import IPCameraHTTPHandler
from ipycam.onvif import ONVIFService

LOOPBACK = "127.0.0.1"


def main(command: list[str]) -> int:
    """Serve while the command runs."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    handler: Any = IPCameraHTTPHandler
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    port = int(server.server_address[1])
    config = CameraConfig(
        local_ip=LOOPBACK, onvif_port=port, rtsp_port=8554, main_stream_name="main",
        sub_stream_name="sub",
    )  # fmt: skip
    service = ONVIFService(config)
    handler.camera = SimpleNamespace(onvif=service, config=config)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    WSDiscoveryServer(service).start()
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
