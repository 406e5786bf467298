"""Clips: the camera's own packets in a plain MP4 that players can seek."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.base.errors import CamwatchError
from edge.media import nal
from edge.media.packet import AudioStream, Packet, VideoCodec, VideoStream
from edge.mux.boxes import find, walk
from edge.mux.clip import ClosedClip
from edge.mux.errors import EmptyClipError, MuxError
from edge.mux.layout import ROOM_BYTES
from edge.mux.mp4 import FRAGMENT_BYTES, ClipWriter
from tests.edge.mux import streams
from tests.edge.mux.streams import (
    CLOCK_90K,
    audio_of,
    decode_errors,
    encode,
    encode_audio,
    head,
    probe,
    read_packets,
    seconds,
    steady,
    video_of,
)

AAC, SOUNDS = encode_audio(60)
FORMS: list[tuple[VideoCodec, int]] = [("h264", 0), ("h264", 3), ("hevc", 0), ("hevc", 3)]


def write(path: Path, packets: list[Packet], *, is_continued: bool = False) -> ClosedClip:
    """A clip of all packets, the first of which is a keyframe."""
    writer = ClipWriter(path, packets[0], head(packets[0]), is_continued=is_continued)
    for packet in packets:
        writer.write(packet)
    return writer.close()


def annexb_nals(packets: list[Packet]) -> list[list[bytes]]:
    """The NAL units of each packet as a camera sends it."""
    return [list(nal.units(each.data)) for each in packets]


def file_nals(packets: list[Packet]) -> list[list[bytes]]:
    """The NAL units of each packet as it stands in a file."""
    return [list(nal.units(each.data, 4)) for each in packets]


def top_boxes(path: Path) -> list[bytes]:
    """The kinds of the boxes a player sees."""
    return [each.kind for each in walk(path.read_bytes())]


@pytest.mark.parametrize(("codec", "b_frames"), FORMS)
class TestPassthrough:
    """H.264 and H.265, with and without B-frames, as RTSP delivers them."""

    def test_holds_the_cameras_nal_units_byte_for_byte(
        self, codec: VideoCodec, b_frames: int, tmp_path: Path
    ) -> None:
        """Each packet comes back with the same NAL units, parameter sets in-band included."""
        packets = encode(codec, times_s=steady(4), b_frames=b_frames)
        clip = write(tmp_path / "clip.mp4", packets)
        assert file_nals(read_packets(clip.path)) == annexb_nals(packets)
        assert clip.packets == len(packets)

    def test_decodes_without_an_error(
        self, codec: VideoCodec, b_frames: int, tmp_path: Path
    ) -> None:
        """FFmpeg of the system, which shares no code with the writer, has nothing to say."""
        clip = write(tmp_path / "clip.mp4", encode(codec, times_s=steady(4), b_frames=b_frames))
        assert decode_errors(clip.path) == ""

    def test_starts_at_zero_and_keeps_the_cameras_times(
        self, codec: VideoCodec, b_frames: int, tmp_path: Path
    ) -> None:
        """The first picture is shown at 0, each later one as long after it as the camera said."""
        packets = encode(codec, times_s=steady(4), b_frames=b_frames, first_pts=-777_000)
        clip = write(tmp_path / "clip.mp4", packets)
        since_first = [round((each.pts + 777_000) / 90_000, 6) for each in packets]
        assert seconds(read_packets(clip.path)) == since_first
        shown = probe(clip.path, "start_time,duration,nb_frames")
        assert shown == {"start_time": "0.000000", "duration": "4.000000", "nb_frames": "40"}
        assert clip.duration_ms == 4000

    def test_carries_the_tag_that_players_know(
        self, codec: VideoCodec, b_frames: int, tmp_path: Path
    ) -> None:
        """H.265 is hvc1, which Safari asks for, and H.264 avc1."""
        clip = write(tmp_path / "clip.mp4", encode(codec, times_s=steady(1), b_frames=b_frames))
        tag = probe(clip.path, "codec_tag_string")["codec_tag_string"]
        assert tag == {"h264": "avc1", "hevc": "hvc1"}[codec]

    def test_takes_packets_out_of_a_file_as_they_are(
        self, codec: VideoCodec, b_frames: int, tmp_path: Path
    ) -> None:
        """Length-prefixed packets with their own configuration record pass unchanged."""
        first = write(tmp_path / "source.mp4", encode(codec, times_s=steady(4), b_frames=b_frames))
        source = read_packets(first.path)
        clip = write(tmp_path / "clip.mp4", source)
        back = read_packets(clip.path)
        assert [each.data for each in back] == [each.data for each in source]
        assert back[0].stream.extradata == source[0].stream.extradata
        assert decode_errors(clip.path) == ""


def test_a_closed_clip_is_no_fragmented_file(tmp_path: Path) -> None:
    """Players see one index and one block of media, the index first."""
    clip = write(tmp_path / "clip.mp4", encode(times_s=steady(10)))
    assert top_boxes(clip.path) == [b"ftyp", b"free", b"moov", b"free", b"mdat"]
    assert find(clip.path.read_bytes(), b"moov", b"mvex") is None


def test_an_index_too_long_for_its_room_goes_to_the_end(tmp_path: Path) -> None:
    """Long clips stay seekable plain files."""
    packets = encode(times_s=[n / 60 + n % 3 / 1000 for n in range(2000)], gop=60)
    clip = write(tmp_path / "clip.mp4", packets)
    assert top_boxes(clip.path) == [b"ftyp", b"free", b"free", b"mdat", b"moov"]
    assert len(find(clip.path.read_bytes(), b"moov") or b"") > ROOM_BYTES
    assert file_nals(read_packets(clip.path)) == annexb_nals(packets)
    assert decode_errors(clip.path) == ""


def test_a_variable_frame_rate_stays_variable(tmp_path: Path) -> None:
    """Every frame keeps its own time, to the tick of the camera's clock."""
    times_s = [0, 0.04, 0.11, 0.5, 0.52, 1.3, 4.0, 4.01, 4.9, 8.9]
    clip = write(tmp_path / "clip.mp4", encode(times_s=times_s, gop=4))
    assert seconds(read_packets(clip.path)) == times_s
    assert decode_errors(clip.path) == ""


@pytest.mark.parametrize("extradata", ["missing", "announced", "stale"])
def test_parameter_sets_come_from_where_the_camera_has_them(extradata: str, tmp_path: Path) -> None:
    """In-band ones win over announced ones, which may be old; announced ones serve alone."""
    packets = encode(times_s=steady(2))
    sets = [each for each in annexb_nals(packets)[0] if nal.kind_of("h264", each) in (7, 8)]
    other = VideoStream("h264", 128, 96, CLOCK_90K, b"", None)
    if extradata != "missing":
        announced = (
            sets if extradata == "announced" else [sets[0][:3] + b"\x33" + sets[0][4:], sets[1]]
        )
        framed = b"".join(b"\0\0\0\1" + each for each in announced)
        other = dataclasses.replace(other, extradata=framed)
    for each in packets:
        each.stream = other
        if extradata == "announced":
            rest = [unit for unit in nal.units(each.data) if unit not in sets]
            each.data = b"".join(b"\0\0\1" + unit for unit in rest)
    clip = write(tmp_path / "clip.mp4", packets)
    assert decode_errors(clip.path) == ""
    record = read_packets(clip.path)[0].stream.extradata
    assert sets[0] in record
    assert sets[1] in record


def test_a_stream_without_parameter_sets_is_refused(tmp_path: Path) -> None:
    """No file is made that nothing could decode."""
    camera = VideoStream("h264", 128, 96, CLOCK_90K, b"", None)
    keyframe = Packet(b"\0\0\0\1\x65\x88\x84", 0, 0, True, camera, 0)
    with pytest.raises(MuxError, match="no parameter sets"):
        ClipWriter(tmp_path / "clip.mp4", keyframe, head(keyframe))
    assert list(tmp_path.iterdir()) == []


def sounding(packets: list[Packet], first_s: float) -> list[Packet]:
    """The packets with AAC added from `first_s` after the first picture on."""
    camera = dataclasses.replace(packets[0].stream, audio=AAC)
    for each in packets:
        each.stream = camera
    zero = round(packets[0].pts * CLOCK_90K / AAC.time_base)
    sounds = []
    for n, data in enumerate(SOUNDS):
        pts = zero + round(first_s * 16_000) + n * 1024
        sounds.append(Packet(data, pts, pts, True, camera, 0, 1024, is_audio=True))
    return [
        packets[0],
        *sorted([*packets[1:], *sounds], key=lambda each: each.dts * each.time_base),
    ]


@pytest.mark.parametrize("b_frames", [0, 2])
def test_audio_is_carried_in_step_with_the_video(b_frames: int, tmp_path: Path) -> None:
    """AAC packets are the camera's, and as far from the first picture as the camera said."""
    packets = sounding(encode(times_s=steady(4), b_frames=b_frames), 0.013)
    clip = write(tmp_path / "clip.mp4", packets)
    back = read_packets(clip.path)
    assert [each.data for each in audio_of(back)] == SOUNDS
    assert seconds(audio_of(back))[:2] == [0.013, 0.077]
    assert file_nals(video_of(back)) == annexb_nals(video_of(packets))
    assert probe(clip.path, "start_time")["start_time"] == "0.000000"
    assert decode_errors(clip.path) == ""
    assert clip.audio == "aac"


def test_audio_of_before_the_first_picture_is_dropped(tmp_path: Path) -> None:
    """A clip begins with its picture; nothing is heard before it."""
    clip = write(tmp_path / "clip.mp4", sounding(encode(times_s=steady(4)), -0.2))
    sounds = audio_of(read_packets(clip.path))
    assert seconds(sounds)[0] == 0.056
    assert len(sounds) == 56


def test_a_continued_clip_takes_the_audio_that_no_clip_has(tmp_path: Path) -> None:
    """Late audio at a seam is kept in the next part, and its start is still the picture."""
    packets = sounding(encode(times_s=steady(4)), -0.2)
    clip = write(tmp_path / "clip.mp4", packets, is_continued=True)
    sounds = audio_of(read_packets(clip.path))
    assert len(sounds) == 60
    assert seconds(sounds)[0] == -0.2
    assert probe(clip.path, "start_time")["start_time"] == "0.000000"
    assert decode_errors(clip.path) == ""


@pytest.mark.parametrize("codec", ["pcm_mulaw", "pcm_alaw"])
def test_telephone_audio_is_carried_as_it_is(codec: str, tmp_path: Path) -> None:
    """G.711, which most cameras send, needs no transcoding."""
    packets = encode(times_s=steady(2))
    g711 = AudioStream(codec, Fraction(1, 8000), 8000, 1, b"")
    camera = dataclasses.replace(packets[0].stream, audio=g711)
    for each in packets:
        each.stream = camera
    zero = round(packets[0].pts * CLOCK_90K / g711.time_base)
    sounds = [
        Packet(bytes([n]) * 320, zero + n * 320, zero + n * 320, True, camera, 0, 320, True)
        for n in range(50)
    ]
    clip = write(tmp_path / "clip.mp4", [*packets, *sounds])
    back = audio_of(read_packets(clip.path))
    assert [each.data for each in back] == [each.data for each in sounds]
    assert seconds(back)[:3] == [0, 0.04, 0.08]
    assert decode_errors(clip.path) == ""


def test_audio_that_no_mp4_holds_is_left_out(tmp_path: Path) -> None:
    """A codec without a place in MP4 costs its sound, never the picture."""
    packets = sounding(encode(times_s=steady(2)), 0)
    g726 = AudioStream("adpcm_g726", Fraction(1, 8000), 8000, 1, b"")
    camera = dataclasses.replace(packets[0].stream, audio=g726)
    for each in packets:
        each.stream = camera
    clip = write(tmp_path / "clip.mp4", packets)
    assert clip.audio is None
    assert audio_of(read_packets(clip.path)) == []
    assert decode_errors(clip.path) == ""


def test_a_picture_sent_in_two_packets_is_one_sample(tmp_path: Path) -> None:
    """The halves of a sliced picture, which come with one time, are joined, bytes untouched."""
    whole = sliced_stream()
    halves: list[Packet] = []
    for each in whole:
        units = list(nal.units(each.data))
        for some in (units[:-1], units[-1:]):
            data = b"".join(b"\0\0\1" + unit for unit in some)
            halves.append(dataclasses.replace(each, data=data))
    clip = write(tmp_path / "clip.mp4", halves)
    assert file_nals(read_packets(clip.path)) == annexb_nals(whole)
    assert clip.mended_packets == 0
    assert decode_errors(clip.path) == ""


def sliced_stream() -> list[Packet]:
    """Pictures of two slices each."""
    packets = encode(times_s=steady(2), x264="slices=2:sliced-threads=0")
    assert all(len(units) >= 2 for units in annexb_nals(packets))
    return packets


def test_equal_and_falling_decoding_times_are_mended_and_counted(tmp_path: Path) -> None:
    """A camera's broken DTS costs no packet, changes no PTS, and is not hidden."""
    packets = encode(times_s=steady(4))
    packets[7].dts = packets[6].dts
    packets[20].dts = packets[18].dts
    clip = write(tmp_path / "clip.mp4", packets)
    assert clip.mended_packets == 2
    assert seconds(read_packets(clip.path)) == steady(4)
    assert decode_errors(clip.path) == ""


def test_a_clock_that_jumps_leaves_no_hole_in_the_clip(tmp_path: Path) -> None:
    """When the camera's clock is set during a clip, its times go on where they were."""
    packets = encode(times_s=steady(4))
    for each in packets[20:]:
        each.pts += 90_000 * 86_400
        each.dts += 90_000 * 86_400
    clip = write(tmp_path / "clip.mp4", packets)
    assert clip.duration_ms == 4000
    assert seconds(read_packets(clip.path)) == steady(4)


def test_a_stalled_camera_leaves_its_gap_in_the_clip(tmp_path: Path) -> None:
    """Minutes in which really nothing came are shown as such, for they prove something."""
    packets = encode(times_s=[*steady(2), *(102 + each for each in steady(2))])
    clip = write(tmp_path / "clip.mp4", packets)
    assert clip.duration_ms == 104_000
    assert clip.mended_packets == 0


def test_pictures_before_their_decoding_time_are_still_shown_in_time(tmp_path: Path) -> None:
    """A DTS later than the PTS, as sloppy cameras send, moves no picture."""
    packets = encode(times_s=steady(4))
    for each in packets[1:]:
        each.dts += 3000
    clip = write(tmp_path / "clip.mp4", packets)
    assert seconds(read_packets(clip.path)) == steady(4)
    assert decode_errors(clip.path) == ""


def test_a_clip_of_one_picture_can_be_played(tmp_path: Path) -> None:
    """A camera that falls silent after a keyframe still leaves a clip with some duration."""
    clip = write(tmp_path / "clip.mp4", encode(times_s=[0]))
    assert clip.duration_ms == 40
    assert decode_errors(clip.path) == ""


def test_a_clip_without_a_picture_leaves_no_file(tmp_path: Path) -> None:
    """Nothing is published that has nothing in it."""
    first = encode(times_s=[0])[0]
    writer = ClipWriter(tmp_path / "clip.mp4", first, head(first))
    with pytest.raises(EmptyClipError):
        writer.close()
    assert list(tmp_path.iterdir()) == []


def test_nothing_waits_longer_than_a_fragment(tmp_path: Path) -> None:
    """While open, the file is never more than 2 s of pictures behind, nor 5 MiB."""
    packets = encode(times_s=steady(12), gop=100)
    for each in packets[60:]:
        each.data += b"\0\0\1\x0c" + b"\xff" * 500_000  # filler data, H.264 table 7-1
    writer = ClipWriter(tmp_path / "clip.mp4", packets[0], head(packets[0]))
    written_at = packets[0].pts
    for each in packets:
        before = writer.part_path.stat().st_size
        writer.write(each)
        if writer.part_path.stat().st_size > before:
            written_at = each.pts
        waiting_bytes = writer.size_bytes - writer.part_path.stat().st_size
        assert each.pts - written_at < 2 * 90_000
        assert waiting_bytes <= FRAGMENT_BYTES + len(each.data) + 1
    clip = writer.close()
    assert clip.packets == len(packets)
    assert decode_errors(clip.path) == ""


def test_the_hash_and_size_are_those_of_the_file(tmp_path: Path) -> None:
    """What is recorded about a clip is what lies on the disk."""
    clip = write(tmp_path / "clip.mp4", encode(times_s=steady(2)))
    assert streams.sha256(clip.path) == clip.sha256
    assert clip.path.stat().st_size == clip.size_bytes


TICKS = st.integers(-(2**40), 2**40) | st.integers(0, 10**6)


@given(
    st.lists(st.tuples(st.binary(max_size=60), TICKS, TICKS, st.booleans(), st.booleans())),
    st.sampled_from(["h264", "hevc"]),
    st.binary(max_size=60),
    st.sampled_from([Fraction(1, 90_000), Fraction(1, 10**9), Fraction(1001, 30_000)]),
)
def test_no_packet_whatsoever_raises_out_of_the_writer(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[bytes, int, int, bool, bool]],
    codec: VideoCodec,
    extradata: bytes,
    time_base: Fraction,
) -> None:
    """Hostile or broken packets end in a clip or in a named error, never in a crash."""
    folder = tmp_path_factory.mktemp("clip")
    camera = VideoStream(codec, 70_000, 0, time_base, b"\1" + extradata, None, AAC)
    first = Packet(b"\0\0\0\2\x65\x88", *(rows[0][1:3] if rows else (0, 0)), True, camera, 0)
    try:
        writer = ClipWriter(folder / "clip.mp4", first, head(first))
    except MuxError:
        return
    writer.write(first)
    for data, pts, dts, is_keyframe, is_audio in rows:
        writer.write(Packet(data, pts, dts, is_keyframe, camera, 0, abs(pts), is_audio))
    try:
        clip = writer.close()
    except CamwatchError:
        return
    assert clip.size_bytes == clip.path.stat().st_size
