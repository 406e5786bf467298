"""Forms of the console's pages: their text fields, and messages about them."""

from __future__ import annotations

from starlette.requests import Request


async def fields(request: Request) -> dict[str, str]:
    """The text fields of a form."""
    form = await request.form(max_files=0, max_fields=200)
    return {key: value for key, value in form.items() if isinstance(value, str)}
