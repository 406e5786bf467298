"""The independent checker: what nodes journalled against what the hub archived.

It reads history files, the hub's SQLite file and media folders and the nodes' journals with
sqlite3, hashlib and a parser of its own. It imports nothing of the product and believes no counter.

    python -m tests.fault.checker HUB_STATE HISTORY... [--node NODE_STATE]... [--running]
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fault.archive_files import read_hub
from tests.fault.event_rules import check_events
from tests.fault.history import Json, read_histories
from tests.fault.loss_rules import check_camera_losses
from tests.fault.media_rules import check_decoding, check_media
from tests.fault.node_files import read_node
from tests.fault.node_rules import check_node
from tests.fault.record_rules import check_chains, check_losses, check_records
from tests.fault.verdict import Verdict

SAMPLE_SEED = 3


def check(
    hub_state: Path,
    histories: Sequence[Path],
    *,
    node_states: Sequence[Path] = (),
    is_drained: bool = True,
    decoded_clips: int = 5,
) -> Verdict:
    """Decide whether every promise was kept.

    `node_states` are of nodes that do not run. Drained, the archive alone must hold everything;
    else what still lies on those nodes counts too. `decoded_clips`, chosen at random, go through
    FFmpeg.
    """
    verdict = Verdict()
    hub = read_hub(hub_state)
    history = read_histories(histories)
    nodes = [read_node(folder) for folder in node_states]
    waiting: dict[str, Json] = {}
    for node in nodes:
        waiting |= node.hashes()
        check_node(verdict, node, is_clean=is_drained, is_drained=is_drained)
    verdict.expect(hub.is_sound == "ok", "corrupt", hub.is_sound)
    check_losses(verdict, hub, history, {} if is_drained else waiting)
    check_records(verdict, hub, history)
    check_chains(verdict, hub)
    check_events(verdict, hub, is_drained=is_drained)
    check_camera_losses(verdict, hub)
    check_media(verdict, hub, nodes, is_drained=is_drained)
    clips = sorted(hub.media("clips", ".mp4").values())
    chosen = random.Random(SAMPLE_SEED).sample(clips, min(decoded_clips, len(clips)))
    check_decoding(verdict, chosen)
    return verdict


def main() -> int:
    """Print the verdict; exit status 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hub_state", type=Path)
    parser.add_argument("histories", type=Path, nargs="*")
    parser.add_argument("--node", type=Path, action="append", default=[], dest="nodes")
    parser.add_argument("--running", action="store_true", help="something still waits on nodes")
    arguments = parser.parse_args()
    verdict = check(
        arguments.hub_state,
        arguments.histories,
        node_states=arguments.nodes,
        is_drained=not arguments.running,
    )
    sys.stdout.write(f"{verdict}\n")
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
