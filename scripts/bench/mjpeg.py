"""What a quiet Motion JPEG camera costs: the node, and ffmpeg that encodes or only reads.

One contestant after the other, over real HTTP, from a server of this process, which is not counted.
The window begins when the node has learnt its scene. Of the node only its own process is measured;
broker and hub run beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2

from edge.capture.street import Street
from edge.capture.synthetic import NO_TIME_PASSES_FPS
from scripts.bench import idle_meter, parties
from scripts.bench.idle_meter import Cost
from tests.harness.child import Child
from tests.harness.mjpeg_camera import MjpegCamera, Script, Write, part

WIDTH, HEIGHT, FPS = 1280, 720, 15
QUALITY = 63  # OpenCV's scale; 88 kB a picture of this street, noise and all
PICTURES = 90
WINDOW_S, WARM_UP_S = 60.0, 30.0  # the node decodes all for its first 20 s
AIM = 3.0  # times cheaper than encoding always
NODE, ENCODE, COPY = "node", "ffmpeg libx264 ultrafast", "ffmpeg -c copy"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when the aim is reached."""
    parser = argparse.ArgumentParser(prog="scripts/bench/mjpeg")
    parser.add_argument("--seconds", type=float, default=WINDOW_S, help="measured, each")
    parser.add_argument("--warm-up", type=float, default=WARM_UP_S, help="seconds before")
    arguments = parser.parse_args(argv)
    pictures = film()
    mean_kb = sum(map(len, pictures)) / len(pictures) / 1e3
    print(f"{WIDTH}x{HEIGHT}, {FPS} a second, {mean_kb:.0f} kB a picture, nothing moves")
    print(f"  {'':26} {'CPU ms/s':>9} {'RSS MB':>7}")
    costs = {}
    for name in (NODE, ENCODE, COPY):
        with tempfile.TemporaryDirectory(prefix="camwatch-mjpeg-") as folder:
            cost = run(name, pictures, Path(folder), arguments.warm_up, arguments.seconds)
        costs[name] = cost
        print(f"  {name:26} {cost.cpu_ms_per_s:9.2f} {cost.rss_mb:7.1f}", flush=True)
    ratio = costs[ENCODE].cpu_ms_per_s / costs[NODE].cpu_ms_per_s
    print(f"Aim: a whole node at most 1/{AIM:g} of encoding always: "
          f"{'reached' if ratio >= AIM else 'missed'} (1/{ratio:.1f})")  # fmt: skip
    return 0 if ratio >= AIM else 1


def film() -> list[bytes]:
    """The synthetic street with nobody in it and fresh noise in each picture."""
    street = Street(WIDTH, HEIGHT, NO_TIME_PASSES_FPS, 1)
    result = []
    for number in range(PICTURES):
        bgr = cv2.cvtColor(street.frame(number), cv2.COLOR_YUV2BGR_I420)
        done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        assert done
        result.append(bytes(data))
    return result


def playing(pictures: list[bytes]) -> Script:
    """The film over and over, each picture in its time."""
    parts = [part(picture) for picture in pictures]

    def script(camera: MjpegCamera, write: Write) -> None:
        began_s, number = time.monotonic(), 0
        while not camera.is_stopped.wait(max(0.0, began_s + number / FPS - time.monotonic())):
            write(parts[number % len(parts)])
            number += 1

    return script


def run(name: str, pictures: list[bytes], folder: Path, warm_up_s: float, window_s: float) -> Cost:
    """Serve the film to one contestant and measure it. Raises HarnessError, EndedError."""
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(MjpegCamera(playing(pictures)))
        if name == NODE:
            child = start_node(stack, folder, camera.url())
        else:
            codec = ["copy"] if name == COPY else ["libx264", "-preset", "ultrafast"]
            child = Child("ffmpeg", [
                "ffmpeg", "-nostdin", "-nostats", "-v", "error", "-threads", "1", "-f", "mpjpeg",
                "-i", camera.url(), "-threads", "1", "-c:v", *codec, "-f", "null", "-",
            ], folder)  # fmt: skip
            stack.callback(child.stop)
            child.start()
        time.sleep(warm_up_s)
        return idle_meter.measure(child.pid, window_s)


def start_node(stack: contextlib.ExitStack, folder: Path, url: str) -> Child:
    """A node that watches the camera, with a broker and a hub."""
    node, _ = parties.start_node(stack, folder, [{"name": "street", "source": url}])
    return node


if __name__ == "__main__":
    sys.exit(main())
