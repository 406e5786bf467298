"""Settings from the hub's command line to a real node with real cameras, tried and taken back."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest

from edge.contract import names, topics, wanted
from edge.contract.record import CoverageSpans, EventEnded
from edge.keys import load_or_make
from tests.contract.validate import check_message
from tests.harness.broker import free_port
from tests.harness.link import Account, Link
from tests.system import settings_site, stage
from tests.system.settings_site import NODE, WAIT_S, Json, Site

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Both cameras deliver, and the node is known at the hub."""
    with settings_site.site(tmp_path) as made:
        yield made


def test_a_sensitivity_set_at_the_hub_holds_on_the_node(site: Site) -> None:
    """Without a restart of anything: the streams go on, and the hub shows who set what."""
    version = site.set("cameras.gate.motion.sensitivity=4", "log_level=error")
    site.wait_applied(version)
    applied = site.shown["applied"]
    assert applied["settings"]["cameras"]["gate"]["motion"]["sensitivity"] == 4
    assert applied["settings"]["cameras"]["yard"]["motion"]["sensitivity"] == 5
    assert applied["from_hub"] == ["cameras.gate.motion.sensitivity", "log_level"]
    assert len(site.records("camera.found")) == 2
    assert site.outcomes == [(version, "applied")]
    site.node.stop()
    assert "INFO edge.agent: stopped" not in site.node.log_text
    kinds = set()
    for message in site.traffic.messages:
        if "/config/" in message.topic:
            channel = check_message(message.topic, message.payload, message.user_properties)
            kinds.add(channel.name)
    assert kinds == {"wanted", "applied"}
    site.node.start_ready()
    site.wait_applied(version)
    done = site.hub.command("nodes")
    assert "settings" not in done.stdout


def test_an_address_that_does_not_answer_costs_nothing(site: Site) -> None:
    """It is tried beside the stream that runs: taken back with the reason, no picture missed."""
    site.wait_applied(site.set("cameras.gate.motion.sensitivity=6"))
    port = free_port()
    version = site.set(f"cameras.gate.source=rtsp://127.0.0.1:{port}/none")
    newest = site.wait_state(version, "rolled_back")
    assert newest["reason"] == "stream"
    assert "camera gate, source: " in newest["detail"]
    assert site.outcomes[-1] == (version, "rolled_back")
    assert site.records("camera.lost") == []
    assert len(site.records("camera.found")) == 2
    shown = site.shown
    assert f"settings {version} wanted, {version - 1} applied: rolled back" in shown["text"]
    assert shown["applied"]["settings"]["cameras"]["gate"]["source"] == site.gate.url("/gate")
    assert f"settings {version} wanted" in site.hub.command("nodes").stdout
    count = len(site.outcomes)
    site.node.restart()  # the retained message comes again
    stage.wait(lambda: len(site.records("node.booted")) >= 2, WAIT_S, "the restart")
    stage.wait(lambda: len(site.records("camera.found")) >= 4, WAIT_S, "both cameras")
    assert len(site.outcomes) == count
    site.check_nothing_lost()


def test_another_address_takes_the_place_of_a_stream_and_the_other_camera_runs_on(
    site: Site,
) -> None:
    """The account of coverage has no hole, says why, and the camera is back within seconds."""
    version = site.set(f"cameras.gate.source={site.gate.url('/new')}")
    site.wait_applied(version)
    assert [each.header.camera for each in site.records("camera.found")][2:] == ["gate"]
    assert site.records("camera.lost") == []
    site.node.stop()
    why = f"settings {version}"
    spans = site.spans("gate")
    told = [(cause, detail) for cause, detail, _ in spans if detail == why]
    blind = [each for each, _ in itertools.groupby(told)]  # an account may end in the middle of one
    assert blind == [("stopped", why), ("starting", why)]
    assert all(detail != why for _, detail, _ in site.spans("yard"))
    accounts = [
        each.body for each in site.records("coverage.spans") if each.header.camera == "gate"
    ]
    for one, other in itertools.pairwise(accounts):
        assert isinstance(one, CoverageSpans)
        assert isinstance(other, CoverageSpans)
        assert other.starts.mono_ns - one.ends.mono_ns <= 1_000_000
    gap_ms = sum(ms for _, detail, ms in spans if detail == why)
    print(f"gate: {gap_ms} ms not watched, {gap_ms * stage.FPS // 1000} frames")


def test_a_stream_that_dies_under_a_version_brings_the_old_one_back(site: Site) -> None:
    """The new address answered when it was tried out, and then no more; the node mends itself."""
    version = site.set(f"cameras.gate.source={site.gate.url('/new')}")
    site.wait_trial(version)
    site.gate.stop()
    newest = site.wait_state(version, "rolled_back")
    assert (newest["reason"], newest["detail"]) == ("stream", "camera gate sends nothing")
    site.gate.start()
    found = len(site.records("camera.found"))
    stage.wait(lambda: len(site.records("camera.found")) > found, WAIT_S, "the old stream")
    assert site.outcomes == [(version, "applied"), (version, "rolled_back")]
    site.check_nothing_lost()


def test_a_node_that_is_killed_in_the_trial_starts_with_the_old_settings(site: Site) -> None:
    """And does not try that version again; the next one is taken as ever."""
    site.wait_applied(site.set("cameras.gate.motion.sensitivity=6"))
    version = site.set("cameras.gate.motion.sensitivity=9")
    site.wait_trial(version)
    site.node.kill()
    site.node.start_ready()
    newest = site.wait_state(version, "rolled_back")
    assert newest["reason"] == "crash"
    applied = site.shown["applied"]
    assert applied["version"] == version - 1
    assert applied["settings"]["cameras"]["gate"]["motion"]["sensitivity"] == 6
    site.wait_applied(site.set("cameras.gate.motion.sensitivity=7"))
    site.check_nothing_lost()


def test_an_event_in_flight_ends_whole_before_its_camera_changes(site: Site) -> None:
    """Its clip is closed in order under the old settings; longer pre-rolls take a new stream."""

    def running() -> list[str | None]:
        ended = {each.header.event for each in site.records("event.ended")}
        return [
            each.header.event for each in site.records("event.started")
            if each.header.camera == "gate" and each.header.event not in ended
        ]  # fmt: skip

    stage.wait(lambda: bool(running()), WAIT_S, "an event")
    event = running()[0]
    version = site.set("cameras.gate.clips.pre_roll_s=3", "cameras.yard.motion.min_frames=4")
    site.wait_applied(version)
    body = {each.header.event: each.body for each in site.records("event.ended")}[event]
    assert isinstance(body, EventEnded)
    assert body.reason == "quiet"
    site.town.wait_for_events(
        lambda rows: any(row["id"] == event and stage.is_complete(row) for row in rows), WAIT_S
    )
    clip = site.town.clip(str(event), 0, site.town.folder / "clip.mp4")
    assert stage.ffmpeg_complaints(clip) == ""
    with av.open(str(clip)) as container:
        assert sum(1 for _ in container.decode(video=0)) > stage.FPS
    site.check_nothing_lost()


def forged(site: Site, payload: bytes, signature: bytes) -> Json:
    """Publish that as the hub, which does not run; what the node says to it."""
    secret = (site.hub.state_dir / "broker" / "hub.secret").read_text(encoding="ascii").strip()
    before = len(site.said)
    with Link(site.town.broker.address, Account("_hub", secret)) as link:
        sig = {names.SIGNATURE_PROPERTY: base64.b64encode(signature).decode("ascii")}
        link.publish(topics.wanted(NODE), payload, user_properties=sig, retain=True)
    stage.wait(lambda: len(site.said) > before, WAIT_S, "the node's answer")
    return dict(site.said[-1]["failure"])


def test_what_is_old_forged_or_too_large_is_refused_clearly(site: Site) -> None:
    """The settings stay as they are, and the hub is told which message it was."""
    site.wait_applied(site.set("cameras.gate.motion.sensitivity=6"))
    site.wait_applied(site.set("cameras.gate.motion.sensitivity=7"))
    site.hub.stop()
    key = load_or_make(site.hub.state_dir / "hub.key")
    old = next(
        each.payload for each in site.traffic.messages
        if each.topic == topics.wanted(NODE) and json.loads(each.payload)["version"] == 1
    )  # fmt: skip

    def document(node: str = NODE, version: int = 9, **settings: object) -> bytes:
        made = wanted.decode(old)
        return wanted.encode(replace(made, node=node, version=version, settings=settings))

    bad = document(cameras={"gate": {"motion": {"sensitivity": 99}}})
    cases = [
        (old, key.sign(old), "older", 1),
        (document(version=2), key.sign(document(version=2)), "conflict", 2),
        (document(), bytes(64), "signature", 0),
        (document("gate-4"), key.sign(document("gate-4")), "node", 0),
        (bytes(names.MAX_WANTED_BYTES + 1), bytes(64), "too_large", 0),
        (b"{}", key.sign(b"{}"), "malformed", 0),
        (bad, key.sign(bad), "invalid", 9),
    ]
    for payload, signature, reason, version in cases:
        failure = forged(site, payload, signature)
        assert (failure["reason"], failure["version"]) == (reason, version)
        assert failure["outcome"] == "refused"
    problem = failure["problems"][0]
    assert problem["path"] == "cameras.gate.motion.sensitivity"
    assert "the most allowed is 10" in problem["message"]
    last = site.said[-1]
    assert (last["version"], last["seen"]) == (2, 9)
    assert last["settings"]["cameras"]["gate"]["motion"]["sensitivity"] == 7
    site.hub.start_ready()  # its next version is counted beyond all that the node has seen
    stage.wait(lambda: bool(site.shown["applied"]["seen"] == 9), WAIT_S, "what the node said")
    version = site.set("cameras.gate.motion.sensitivity=8")
    assert version == 10
    site.wait_applied(version)


def test_a_schedule_disarms_and_arms_a_running_camera(site: Site) -> None:
    """At once, without touching its stream; the coverage says why."""
    school = "{starts: '00:00', ends: '24:00', armed: false, note: school}"
    site.wait_applied(site.set(f"cameras.gate.schedules=[{school}]", "time_zone=Asia/Ho_Chi_Minh"))
    site.set("cameras.gate.schedules=null", ok=False)
    site.wait_applied(site.set("cameras.gate.schedules=[]"))
    stage.wait(
        lambda: any(detail == "school" for _, detail, _ in site.spans("gate"))
        and site.spans("gate")[-1][0] is None,
        WAIT_S, "an account of both",
    )  # fmt: skip
    spans = site.spans("gate")
    assert ("disarmed", "school") in [(cause, detail) for cause, detail, _ in spans]
    assert len(site.records("camera.found")) == 2
    assert all(cause != "disarmed" for cause, _, _ in site.spans("yard"))
