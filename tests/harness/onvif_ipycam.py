"""The ONVIF services of `ipycam` (MIT), a virtual camera that others wrote, without its video.

A child process: `python -m tests.harness.onvif_ipycam RTSP_PORT MAIN SUB USER PASSWORD` serves on a
free port of loopback, which it prints. The streams that it names are somebody else's to serve.
"""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

from ipycam.config import CameraConfig
from ipycam.http import IPCameraHTTPHandler
from ipycam.onvif import ONVIFService


def main(argv: list[str]) -> None:
    """Serve until killed."""
    rtsp_port, main_name, sub_name, user, password = argv
    handler: Any = IPCameraHTTPHandler
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    config = CameraConfig(
        local_ip="127.0.0.1",
        onvif_port=int(server.server_address[1]),
        rtsp_port=int(rtsp_port),
        main_stream_name=main_name,
        sub_stream_name=sub_name,
        username=user,
        password=password,
    )
    handler.camera = SimpleNamespace(onvif=ONVIFService(config), config=config)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
