"""What the hub may ask of this node, each as a function of its command: the allow-list.

They run in the commander's thread and raise RefusedError for what cannot be done.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping

from edge.base.clock import Clock
from edge.camera.camera import Camera
from edge.contract import command as commands
from edge.contract import reply
from edge.contract.command import Command
from edge.keys import PrivateKey
from edge.live import picture
from edge.live.picture import NoPictureError
from edge.live.streams import LiveStreams
from edge.uplink.commander import Done, Executor, Picture, RefusedError

SUPERVISED_BY = ("INVOCATION_ID", "NOTIFY_SOCKET")  # set by systemd: systemd.exec(5), sd_notify(3)


class Orders:
    """The node's side of every command."""

    def __init__(
        self,
        node: str,
        *,
        key: PrivateKey,
        clock: Clock,
        cameras: Callable[[], Mapping[str, Camera]],
        streams: LiveStreams,
        end: Callable[[], None],
    ) -> None:
        """`cameras`: those that run now, by name. `end` has the agent stop in good order; whoever
        supervises it starts it again."""
        self._node = node
        self._key = key
        self._clock = clock
        self._cameras = cameras
        self._streams = streams
        self._end = end

    def executors(self) -> Mapping[str, Executor]:
        """Each command's function, by its name."""
        return {
            commands.LIVE_START: self.live_start,
            commands.LIVE_STOP: self.live_stop,
            commands.SNAPSHOT_NOW: self.snapshot_now,
            commands.RESTART: self.restart,
            commands.PROVE_KEY: self.prove_key,
        }

    def snapshot_now(self, command: Command) -> Done:
        """The newest picture of a camera."""
        ring = self._camera(command).ring("large")
        try:
            made = picture.newest(ring, self._clock)
        except NoPictureError as err:
            raise RefusedError("no_picture", f"{command.camera}: {err}") from err
        return Done(Picture(made.data, made.width, made.height))

    def live_start(self, command: Command) -> Done:
        """Begin to send a camera's stream to the hub, or go on for another lease."""
        if command.stream is None or command.live is None:
            raise RefusedError("argument", "stream or live is missing")
        is_new = self._streams.order(command.stream, self._camera(command), command.live)
        return Done(is_routine=not is_new)

    def live_stop(self, command: Command) -> Done:
        """End a stream."""
        if command.stream is None:
            raise RefusedError("argument", "stream is missing")
        self._streams.end(command.stream)
        return Done()

    def restart(self, _command: Command) -> Done:
        """End, so that the supervisor starts the agent again."""
        if not any(os.environ.get(name) for name in SUPERVISED_BY):
            raise RefusedError(
                "unsupervised", "nobody would start the agent again: it does not run under systemd"
            )
        return Done(then=self._end)

    def prove_key(self, command: Command) -> Done:
        """Sign the challenge, in a form that nothing else is signed in."""
        if command.challenge is None:
            raise RefusedError("argument", "challenge is missing")
        signature = self._key.sign(reply.proof_bytes(self._node, command.challenge))
        return Done(proof=base64.b64encode(signature).decode("ascii"))

    def _camera(self, command: Command) -> Camera:
        if command.camera is None:
            raise RefusedError("argument", "camera is missing")
        cameras = self._cameras()
        camera = cameras.get(command.camera)
        if camera is None:
            known = ", ".join(sorted(cameras))
            raise RefusedError("camera", f"no camera {command.camera} here; there are: {known}")
        return camera
