"""Clips: camera packets into MP4 files by passthrough, and the spool where files wait for the hub.

From the bottom: `boxes`, `nal`, `sps`, `decoder_config`, `sample_entry`, `track`, `moov` and
`fragment` are pure (bytes in, bytes out); `layout` knows where things lie in a file; `mp4` writes
one clip, `recovery` completes one; `parts` makes an event's clips, `recorder` runs that in a
thread, fed by the ring of `edge.gop`, which it knows only as `PacketHistory`.
"""
