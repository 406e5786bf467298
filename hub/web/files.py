"""Archived pictures and clips as answers: whole or by range, never loaded into memory."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from edge.base.errors import StorageError

# Asked again each time, so that a log-out holds; the hash tells a browser that it has it already.
CACHING = "private, no-cache"


def file_answer(
    request: Request, path: Path, sha256: str, media_type: str, *, download_name: str | None = None
) -> Response:
    """The file of that content; with a name, as a download. Ranges, If-Range and HEAD as RFC 9110
    says, by Starlette. Blocks briefly; raises StorageError where the file is gone."""
    etag = f'"{sha256}"'
    headers = {"etag": etag, "cache-control": CACHING}
    known = request.headers.get("if-none-match", "")
    if etag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=304, headers=headers)
    try:
        found = path.stat()
    except OSError as err:
        raise StorageError(f"{path} is gone: {err.strerror}", path=str(path)) from err
    return FileResponse(
        path, headers=headers, media_type=media_type, filename=download_name, stat_result=found
    )
