"""Nodes join by a node file with a one-time token, and leave by being revoked.

Adding or replacing makes the file; the box redeems its token (`redeem`), which makes its account
and pins its key. Files hold what the settings say of this hub (`hub.config`, `nodes`), and cameras'
addresses and passwords, which are kept sealed so that the next file of the same node needs no
typing. docs/design/enrolment.md says why it is done so.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edge.base import schema, strictjson
from edge.base.clock import Clock
from edge.base.errors import CamwatchError, ConfigError
from edge.base.units import format_duration
from edge.contract import names, nodefile
from edge.contract.nodefile import FileCamera, HubAddress, NodeFile
from edge.keys import PrivateKey
from hub.archive import Archive
from hub.archive.enrolments import Beginning, NewEnrolment
from hub.archive.registry_values import Place, Registry
from hub.archive.values import CameraKey
from hub.config import HubSettings
from hub.registry import edit, sealed
from hub.registry.users import Actor

DEFAULT_VALID = timedelta(days=7)
MIN_VALID, MAX_VALID = timedelta(minutes=5), timedelta(days=90)
PURPOSE = "node cameras {}"


class NodeFileError(CamwatchError):
    """A node file cannot be made as asked. `word` is fixed, for programs; `field` of what."""

    def __init__(self, word: str, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.word = word
        self.field = field


@dataclass(frozen=True)
class NewNode:
    """A node to be: its name, its cameras, and where all of these are, and whose."""

    name: str
    cameras: tuple[FileCamera, ...] = ()
    area: str | None = None
    organisation: str | None = None


class NodeFiles:
    """Makes node files and takes them back. Methods block."""

    def __init__(
        self, settings: HubSettings, archive: Archive, key: PrivateKey, clock: Clock
    ) -> None:
        self._settings = settings
        self._archive = archive
        self._key = key
        self._clock = clock

    def add(
        self, nodes: Sequence[NewNode], actor: Actor, valid: timedelta = DEFAULT_VALID
    ) -> list[NodeFile]:
        """Files for new nodes, and their cameras' places; all or none.

        Raises NodeFileError, StandingError, RegistryError, ConfigError, StorageError.
        """
        for node in nodes:
            check_name(node.name)
            _check_place(node)
        files = [self._file(node.name, node.cameras, valid) for node in nodes]
        self.check([node.name for node in nodes])
        self._place(nodes)
        self._begin(files, "new", actor, "node.add")
        return files

    def check(self, names: Sequence[str]) -> None:
        """Whether `add` would take nodes of these names. Raises StandingError."""
        self._archive.enrolments.check(names, "new", self._clock.utc())

    def replace(
        self,
        name: str,
        actor: Actor,
        valid: timedelta = DEFAULT_VALID,
        *,
        cameras: tuple[FileCamera, ...] = (),
        is_now: bool = False,
    ) -> NodeFile:
        """A new file for a known node; without `cameras` with those of its last one.

        The box that has the name stays in until the new one comes; with `is_now` it is out at once.
        Raises as `add`.
        """
        check_name(name)
        file = self._file(name, cameras or self.cameras(name), valid)
        how: Beginning = "replace_now" if is_now else "replace"
        self._begin([file], how, actor, "node.replace", now="yes" if is_now else "no")
        return file

    def revoke(self, name: str, actor: Actor) -> None:
        """Shut a node out: its account and its tokens end, its records stay.

        Raises NodeFileError where there is nothing to end.
        """
        check_name(name)
        if not self._archive.enrolments.revoke(name, actor.does("node.revoke", f"node:{name}")):
            raise NodeFileError(
                "not_in", f"{name} has no account and no node file that is waited for",
                hint="camwatch-hub nodes lists all nodes",
            )  # fmt: skip

    def cameras(self, name: str) -> tuple[FileCamera, ...]:
        """What the node's last file said of cameras; nothing where it cannot be read any more."""
        data = self._archive.enrolments.sealed_cameras(name)
        plain = None if data is None else sealed.unseal(self._key, PURPOSE.format(name), data)
        if plain is None:
            return ()
        found = strictjson.loads(plain, max_bytes=nodefile.MAX_BYTES)
        given = found if isinstance(found, list) else []
        return tuple(schema.load(FileCamera, each, unknown="ignore") for each in given)

    def _file(self, name: str, cameras: tuple[FileCamera, ...], valid: timedelta) -> NodeFile:
        if not MIN_VALID <= valid <= MAX_VALID:
            limits = [format_duration(each.total_seconds()) for each in (MIN_VALID, MAX_VALID)]
            raise NodeFileError("valid", f"{limits[0]} to {limits[1]}", field="valid")
        url = self._settings.nodes_url
        try:
            file = NodeFile(
                nodefile.VERSION,
                name,
                HubAddress(
                    self._settings.nodes.mqtt_host or urlsplit(url).hostname or "",
                    self._settings.nodes.mqtt_port,
                    url,
                ),
                self._key.public.text,
                secrets.token_urlsafe(nodefile.TOKEN_BYTES),
                self._clock.utc().replace(microsecond=0) + valid,
                cameras,
                _ca_of(self._settings),
                self._settings.time_zone,
            )
        except ValueError as err:
            field, _, _ = str(err).partition(":")
            if field in ("ca", "hub.url"):
                raise ConfigError(
                    f"node files cannot be made: {err}",
                    hint="set nodes.url, nodes.mqtt_host and nodes.ca_file in the hub's settings",
                ) from err
            raise NodeFileError("invalid", str(err), field=field) from err
        nodefile.encode(file)
        return file

    def _place(self, nodes: Sequence[NewNode]) -> None:
        placed = [node for node in nodes if node.area or node.organisation]
        if not placed:
            return

        def how(registry: Registry) -> Registry:
            for node in placed:
                place = Place(area=node.area, organisation=node.organisation)
                for camera in node.cameras:
                    key = CameraKey(node.name, camera.name)
                    registry = edit.place_camera(registry, key, place)
            return registry

        edit.change(self._archive, how)

    def _begin(
        self, files: Sequence[NodeFile], how: Beginning, actor: Actor, action: str, **detail: str
    ) -> None:
        new = [
            NewEnrolment(
                file.node, token_hash(file.token), file.expires_utc, self._seal(file.node, file)
            )
            for file in files
        ]
        until = files[0].expires_utc.isoformat(timespec="seconds")
        deeds = [
            actor.does(
                action, f"node:{file.node}", until=until, cameras=str(len(file.cameras)), **detail
            )
            for file in files
        ]
        self._archive.enrolments.begin(new, how, deeds)

    def _seal(self, name: str, file: NodeFile) -> bytes:
        plain = strictjson.dumps(schema.dump(file.cameras))
        return sealed.seal(self._key, PURPOSE.format(name), plain)


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def check_name(name: str) -> None:
    """Raises NodeFileError."""
    if not names.is_node(name):
        raise NodeFileError(
            "name",
            f"{name[:60]!r} cannot be a node's name: lower-case letters, digits and -, at most 32",
            field="node",
        )


def named_source(text: str, fallback: str) -> tuple[str, str]:
    """Name and address of NAME=URL, or of a URL alone, whose name is `fallback` then.

    Raises NodeFileError where neither can be meant.
    """
    name, equals, source = text.partition("=")
    if not equals or ":" in name or "/" in name:  # an = in the address itself
        return fallback, text
    if not names.is_node(name):
        raise NodeFileError(
            "camera", f"{name[:60]!r} cannot be a camera's name: lower-case letters, digits and -",
            field="name",
        )  # fmt: skip
    return name, source


def camera_of(
    name: str, source: str, *, sub_source: str | None = None, user: str | None = None,
    password: str | None = None,
) -> FileCamera:  # fmt: skip
    """A camera for a node file.

    A login inside of the URL is taken out of it, so that it is no part of what is shown. Raises
    NodeFileError.
    """
    source, in_url = without_login(source)
    if in_url is not None:
        user, password = in_url
    value = {
        "name": name,
        "source": source,
        "sub_source": None if not sub_source else without_login(sub_source)[0],
        "user": user or None,
        "password": password or None,
    }
    try:
        return schema.load(FileCamera, value, unknown="refuse")
    except schema.SchemaError as err:
        problem = err.problems[0]
        field = problem.path or problem.message.partition(":")[0]
        raise NodeFileError("camera", f"camera {name}: {problem}", field=field) from err


def without_login(url: str) -> tuple[str, tuple[str, str] | None]:
    """The URL without user and password, and these two."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, None
    login, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    user, _, password = login.partition(":")
    return parts._replace(netloc=host).geturl(), (unquote(user), unquote(password))


def _ca_of(settings: HubSettings) -> str | None:
    """The certificates that nodes trust. Raises ConfigError."""
    path = settings.nodes.ca_file
    if path is None:
        return None
    try:
        text = Path(path).read_text(encoding="ascii")
    except (OSError, ValueError) as err:
        raise ConfigError(
            f"nodes.ca_file: cannot read {path}: {err}", hint="a PEM file that the hub's user reads"
        ) from err
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    found = [part.partition(end)[0] for part in text.split(begin)[1:]]
    if not found:
        raise ConfigError(f"nodes.ca_file: {path} holds no certificate in PEM")
    return "\n".join(f"{begin}{body}{end}" for body in found) + "\n"


def _check_place(node: NewNode) -> None:
    if (node.area or node.organisation) and not node.cameras:
        raise NodeFileError(
            "place", f"{node.name}: a place belongs to a camera, and none is given",
            field="camera", hint="give the cameras too, or place them later: camera place",
        )  # fmt: skip
