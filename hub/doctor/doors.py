"""Broker and hub as nodes find them: by the name, the port and the authority of node files.

Asked from this machine, so what lies between it and a node (names, routes, firewalls) is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from edge.base.findings import Finding
from edge.reach import server
from edge.reach.server import Server
from hub.config import HubSettings
from hub.doctor.servers import EVERYWHERE

FIELD = "nodes.ca_file"


def doors(settings: HubSettings, now: datetime) -> Iterator[Finding]:
    """Whether a node would take both for what they are; nothing where nodes use no TLS."""
    nodes, http = settings.nodes, settings.http
    if nodes.ca_file is None:
        return
    url = urlsplit(settings.nodes_url)
    host = url.hostname or ""
    places = [("nodes.broker", settings.mqtt.host, nodes.mqtt_port, nodes.mqtt_host or host)]
    if http.cert_file is not None and url.port == http.port:  # else somebody else answers there
        places.append(("nodes.http", EVERYWHERE.get(http.host, http.host), http.port, host))
    for check, address, port, name in places:
        door = Server(check, address, port, True, nodes.ca_file, FIELD, name)
        for finding in server.reach(door, now):
            if finding.outcome != "pass" or finding.check.endswith(".tls"):
                yield finding
