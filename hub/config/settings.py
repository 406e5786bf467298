"""What can be set on a hub, with the defaults. Validation is pure: nothing is opened or probed."""

from __future__ import annotations

import socket
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.base.hosts import is_loopback
from edge.base.schema import item
from edge.base.units import parse_duration_s, parse_size_bytes
from edge.base.zone import system_zone

HOST_DOC = "name or address"


@dataclass(frozen=True)
class MqttSettings:
    """The broker that the nodes speak to."""

    host: str = item(HOST_DOC + " of the broker", "127.0.0.1", max_length=253)
    port: int = item("1883 is usual for plain MQTT, 8883 for TLS", 1883, min=1, max=65535)
    user: str = item("the hub's own account at the broker", "_hub", pattern=r"_[a-z0-9-]{1,31}")
    secret_file: str | None = item(
        "file with that account's password; default: broker/hub.secret in state_dir", None
    )
    ca_file: str | None = item("certificates to trust; given, the connection uses TLS", None)
    reload_pid_file: str | None = item(
        "file with the broker's process id: the hub itself has it read its accounts again; default:"
        " systemd does, by camwatch-broker-reload.path", None, max_length=1024,
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.ca_file is None and not is_loopback(self.host):
            raise ValueError(
                f"plain MQTT to {self.host} would show passwords and footage to the network;"
                " set ca_file for TLS, or use a loopback address such as 127.0.0.1"
            )


@dataclass(frozen=True)
class HttpSettings:
    """Where the hub takes uploads, answers programs, and shows its console."""

    host: str = item("address to listen on", "127.0.0.1", max_length=253)
    port: int = item("TCP port to listen on", 8443, min=1, max=65535)
    cert_file: str | None = item("the certificate chain, PEM; given, the server uses TLS", None)
    key_file: str | None = item("its private key, PEM", None)
    public_url: str | None = item(
        "how people reach the console, for links; default: made from host and port", None,
        pattern=r"https?://[^/\s?#@]{1,255}",
    )  # fmt: skip

    session_idle: float = item(
        "a log-in ends after so long without use, such as 1h", 3600.0, parse=parse_duration_s,
        min=60, max=86_400,
    )  # fmt: skip
    session_longest: float = item(
        "and at the latest after so long, such as 12h", 43_200.0, parse=parse_duration_s,
        min=60, max=30 * 86_400,
    )  # fmt: skip

    @property
    def console_url(self) -> str:
        """Where the console is, without a slash at the end."""
        if self.public_url is not None:
            return self.public_url
        host = self.host
        if host in ("0.0.0.0", "::", ""):  # noqa: S104 - asked for by the settings, not bound here
            host = socket.gethostname()
        name = f"[{host}]" if ":" in host else host
        return f"http{'s' if self.cert_file else ''}://{name}:{self.port}"

    def __post_init__(self) -> None:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file are set together or not at all")
        if self.cert_file is None and not is_loopback(self.host):
            raise ValueError(
                f"plain HTTP on {self.host} would show passwords and footage to the network;"
                " set cert_file and key_file for TLS, or use a loopback address such as 127.0.0.1"
            )


@dataclass(frozen=True)
class NodeFileSettings:
    """What node files tell a blank box: where this hub is, and whom to trust."""

    url: str | None = item(
        "the hub's HTTPS address as nodes reach it; default: http.public_url", None,
        pattern=r"https?://[^/\s?#@]{1,255}",
    )  # fmt: skip
    mqtt_host: str | None = item(
        "the broker as nodes reach it; default: the host of that address", None,
        pattern=r"[^\s/@]+", max_length=253,
    )  # fmt: skip
    mqtt_port: int = item("the broker's port for nodes, with TLS", 8883, min=1, max=65535)
    ca_file: str | None = item(
        "certificate of the CA of broker and hub, PEM; needed unless nodes are on this machine",
        None, max_length=1024,
    )  # fmt: skip


@dataclass(frozen=True)
class TraceSettings:
    """What nodes send of what their cameras saw, without pictures; to try other settings on."""

    max_bytes_a_camera: int = item(
        "disk space for each camera's traces; past it the oldest go", 128 * 2**20,
        parse=parse_size_bytes, min=2**20,
    )  # fmt: skip
    keep_s: float = item("how long they are kept", 30 * 86400.0, parse=parse_duration_s, min=3600)


@dataclass(frozen=True)
class HubSettings:
    """Everything that can be set on a hub."""

    state_dir: str = item(
        "keys and credentials live here", "/var/lib/camwatch-hub", max_length=1024
    )
    archive_dir: str | None = item(
        "archive, clips and snapshots live here; default: state_dir", None, max_length=1024
    )
    archive_id: str | None = item(
        "of the archive that must be in archive_dir, as in its file archive.id", None,
        pattern=r"[0-9a-f]{32}",
    )  # fmt: skip
    keep_free: int = item(
        "room to leave on the archive's disk, such as 1GiB", 256 * 2**20, parse=parse_size_bytes,
        min=0, max=2**50,
    )  # fmt: skip
    log_level: Literal["debug", "info", "warning", "error"] = item("how much is logged", "info")
    time_zone: str | None = item(
        "such as Asia/Ho_Chi_Minh, for queries and display; default: the system's", None
    )
    mqtt: MqttSettings = item("the broker", MqttSettings)
    http: HttpSettings = item("the HTTP server", HttpSettings)
    nodes: NodeFileSettings = item("what node files tell", NodeFileSettings)
    traces: TraceSettings = item("what cameras saw, as nodes send it", TraceSettings)

    def __post_init__(self) -> None:
        if self.time_zone is not None:
            try:
                zoneinfo.ZoneInfo(self.time_zone)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as err:
                raise ValueError(
                    f"time_zone {self.time_zone[:40]!r} is not known here;"
                    " names are as in /usr/share/zoneinfo (Debian package tzdata)"
                ) from err

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone of queries and display."""
        return system_zone() if self.time_zone is None else zoneinfo.ZoneInfo(self.time_zone)

    @property
    def state_path(self) -> Path:
        """`state_dir` as a path."""
        return Path(self.state_dir)

    @property
    def broker_path(self) -> Path:
        """The folder of the broker's generated password and ACL files."""
        return self.state_path / "broker"

    @property
    def nodes_url(self) -> str:
        """Where nodes reach this hub, without a slash at the end."""
        return self.nodes.url or self.http.console_url

    @property
    def secret_path(self) -> Path:
        """The file with the hub's password at the broker."""
        given = self.mqtt.secret_file
        return self.broker_path / "hub.secret" if given is None else Path(given)

    @property
    def archive_folder(self) -> Path:
        """`archive_dir` as a path."""
        return self.state_path if self.archive_dir is None else Path(self.archive_dir)

    @property
    def archive_path(self) -> Path:
        """The SQLite archive."""
        return self.archive_folder / "archive.sqlite"

    @property
    def plans_path(self) -> Path:
        """The folder of uploaded plan pictures."""
        return self.archive_folder / "plans"

    @property
    def clips_path(self) -> Path:
        """The folder of archived clips."""
        return self.archive_folder / "clips"

    @property
    def snapshots_path(self) -> Path:
        """The folder of archived snapshots."""
        return self.archive_folder / "snapshots"

    @property
    def traces_path(self) -> Path:
        """The folder of traces."""
        return self.archive_folder / "traces"

    @property
    def uploads_path(self) -> Path:
        """The folder of uploads under way; on the same file system as `clips_path`."""
        return self.archive_folder / "uploads"

    @property
    def releases_path(self) -> Path:
        """The folder of bundles that nodes fetch, by their hash."""
        return self.state_path / "releases"

    @property
    def key_path(self) -> Path:
        """The hub's private key."""
        return self.state_path / "hub.key"
