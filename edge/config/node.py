"""The whole of a node's settings file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from edge import yamlfile
from edge.base.hosts import is_loopback
from edge.base.schema import item
from edge.base.units import parse_size_bytes
from edge.config.camera import CameraSettings
from edge.config.classify import ClassifySettings
from edge.config.traces import TraceSettings
from edge.contract import names
from edge.contract.settings import MAX_CAMERAS, ZONE_PATTERN, LogLevel


@dataclass(frozen=True)
class MqttSettings:
    """The hub's broker."""

    host: str = item("host name or address", pattern=r"[^\s/@]+", max_length=253)
    port: int = item("TCP port", 8883, min=1, max=65535)
    ca_file: str | None = item("certificate of the hub's CA; without it only a loopback host", None)

    def __post_init__(self) -> None:
        if self.ca_file is None and not is_loopback(self.host):
            raise ValueError(f"plain MQTT to {self.host} is refused: give ca_file to use TLS")


@dataclass(frozen=True)
class HubSettings:
    """How this node reaches its hub and recognises it."""

    mqtt: MqttSettings = item("the hub's broker")
    upload_url: str = item("where clips go: https://host:port", pattern=r"https?://[^\s/@]+/?")
    secret_file: str = item("this node's secret from `camwatch-hub node add`, mode 0600")
    public_key_file: str = item("the hub's public key from `camwatch-hub key`")
    upload_ca_file: str | None = item("certificate of the CA for upload_url", None)

    def __post_init__(self) -> None:
        url = urlsplit(self.upload_url)
        if url.scheme == "http" and not is_loopback(url.hostname or ""):
            raise ValueError(f"plain HTTP to {url.hostname} is refused: use https in upload_url")


@dataclass(frozen=True)
class SpoolSettings:
    """Clips and snapshots that wait for the hub."""

    max_bytes: int = item(
        "disk space for waiting clips; past it the oldest go",
        4 * 2**30,
        parse=parse_size_bytes,
        min=2**20,
    )


@dataclass(frozen=True)
class JournalSettings:
    """Records that wait for the hub."""

    max_bytes: int = item(
        "disk space for waiting records; past it the oldest go, and a record says so",
        256 * 2**20,
        parse=parse_size_bytes,
        min=2**20,
    )
    ballast_bytes: int = item(
        "disk space kept back, given up first when the disk is full; 0 for none",
        16 * 2**20,
        parse=parse_size_bytes,
        min=0,
    )


@dataclass(frozen=True)
class NodeSettings:
    """Everything a node is told."""

    node: str = item(
        "this node's name: lower-case letters, digits and -", pattern=names.NODE_PATTERN
    )
    hub: HubSettings = item("how to reach the hub")
    cameras: tuple[CameraSettings, ...] = item("the cameras to watch", max_items=MAX_CAMERAS)
    state_dir: str = item("folder for journal, key and spool", "/var/lib/camwatch-edge")
    spool: SpoolSettings = item("clips and snapshots that wait for the hub", SpoolSettings)
    journal: JournalSettings = item("records that wait for the hub", JournalSettings)
    classify: ClassifySettings = item("what moved: an optional model's word", ClassifySettings)
    traces: TraceSettings = item("what was seen, kept without pictures", TraceSettings)
    log_level: LogLevel = item("how much is logged", "info")
    time_zone: str | None = item(
        "whose local time schedules go by, as Asia/Ho_Chi_Minh; none: the system's", None,
        pattern=ZONE_PATTERN, max_length=64,
    )  # fmt: skip

    def __post_init__(self) -> None:
        seen = [camera.name for camera in self.cameras]
        if not seen:
            raise ValueError("cameras: at least one camera is needed")
        for name in sorted({name for name in seen if seen.count(name) > 1}):
            raise ValueError(f"cameras: two cameras have the name {name}")


def load(path: Path) -> NodeSettings:
    """The settings in `path`. Raises ConfigError that lists every problem."""
    return yamlfile.load(NodeSettings, path, program="camwatch-edge")
