"""The child process that holds a model: `python -m edge.classify.worker`. Started by `process`.

It ends with its standard input, and dies with the process that started it. A model is taken to be
slow, greedy and broken: so the child has the lowest priority, is the first to go when memory runs
out, uses one thread, takes no more memory than it was told, and writes no file.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edge.base import schema
from edge.classify.errors import ModelError
from edge.classify.messages import Answer, Loaded, Order, Refusal

if TYPE_CHECKING:
    from edge.classify.network import Network

MAX_MODEL_BYTES = 256 * 2**20
NICENESS = 19
OOM_FILE = Path("/proc/self/oom_score_adj")  # proc(5)
OOM_FIRST = "1000"
SIZE_FILE = Path("/proc/self/statm")
PAGE_BYTES = os.sysconf("SC_PAGESIZE")
PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> int:
    """Serve until the input ends; the process's exit status."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    order = schema.load(Order, json.loads(sys.stdin.buffer.readline()), unknown="ignore")
    _be_humble(order.parent)
    try:
        network, loaded = _load(order)
    except MemoryError:
        _say(answers, Refusal("classify.memory_bytes", "is too little for the model"))
        return 1
    except ModelError as err:
        _say(answers, Refusal(err.field, err.message, err.hint))
        return 1
    _say(answers, loaded)
    size = order.side_px * order.side_px * 3
    while len(data := sys.stdin.buffer.read(size)) == size:
        _say(answers, _look(network, data, order))
    return 0


def _load(order: Order) -> tuple[Network, Loaded]:
    data = _read(Path(order.model))
    import cv2

    from edge.classify.layout import kind_of
    from edge.classify.network import Network

    cv2.setNumThreads(1)
    _limit_memory(order.memory_bytes)
    network = Network(data, side_px=order.side_px, classes=order.classes, kind=order.kind)
    return network, Loaded(
        kind=kind_of(network.layout),
        outputs=tuple("x".join(map(str, shape)) for shape in network.shapes[:64]),
        sha256=hashlib.sha256(data).hexdigest(),
        load_cpu_ms=round(1000 * time.process_time()),
        memory_bytes=_most_bytes(),
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MODEL_BYTES + 1)
    except OSError as err:
        raise ModelError(
            "classify.model", f"cannot read {path}: {err.strerror}",
            hint="docs/classifier.md says where to get one; leave the key out to label nothing",
        ) from err  # fmt: skip
    if len(data) > MAX_MODEL_BYTES:
        raise ModelError("classify.model", f"{path} is larger than {MAX_MODEL_BYTES >> 20} MiB")
    return data


def _look(network: Network, data: bytes, order: Order) -> Answer:
    import numpy as np

    started_s = time.process_time()
    picture = np.frombuffer(data, np.uint8).reshape(order.side_px, order.side_px, 3)
    seen = network.look(picture, min_confidence=order.min_confidence)
    cpu_ms = round(1000 * (time.process_time() - started_s), 1)
    found = tuple((float(each.number), each.confidence, *each.box) for each in seen)
    return Answer(found, cpu_ms, _most_bytes())


def _be_humble(parent: int) -> None:
    """Give way to everything; what a hardened unit forbids of it is left out."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    with contextlib.suppress(OSError):
        OOM_FILE.write_text(OOM_FIRST, encoding="ascii")
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before the kernel could be told
        sys.exit(1)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_memory(more_bytes: int) -> None:
    """Let the address space grow by so much from now on, getrlimit(2)."""
    now_bytes = int(SIZE_FILE.read_text(encoding="ascii").split()[0]) * PAGE_BYTES
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (now_bytes + more_bytes,) * 2)


def _most_bytes() -> int:
    """The most that this process held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _say(answers: BinaryIO, value: Loaded | Refusal | Answer) -> None:
    answers.write(json.dumps(schema.dump(value)).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
