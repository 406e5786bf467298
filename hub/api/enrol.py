"""POST /enrol: a blank box redeems the token of its node file and is let in.

Anybody may ask, so tries are counted by address and each refusal is in the audit trail. The answer
is a yes only when the broker lets the box in too.
"""

from __future__ import annotations

from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.base.clock import Clock
from edge.contract import enrolment
from edge.contract.errors import ContractError
from edge.keys import PrivateKey
from hub.archive import Archive
from hub.registry.attempts import Attempts
from hub.registry.broker_access import BrokerBehindError
from hub.registry.redeem import RefusedEnrolmentError, redeem
from hub.web.answers import HttpError
from hub.web.bodies import with_body
from hub.web.gatekeeper import Gatekeeper
from hub.web.trail import Trail, address_of

ACTION = "node.enrol"
RETRY_AFTER_S = 5


class Enrol:
    """The route."""

    def __init__(
        self, archive: Archive, key: PrivateKey, clock: Clock, trail: Trail, gatekeeper: Gatekeeper
    ) -> None:
        self._archive = archive
        self._key = key
        self._clock = clock
        self._trail = trail
        self._gatekeeper = gatekeeper
        self._attempts = Attempts(clock)

    def routes(self) -> list[Route]:
        """What to mount."""
        return [Route(enrolment.PATH, self.enrol, methods=["POST"])]

    async def enrol(self, request: Request) -> Response:
        """Let a box in: 200 with the hub's signature, 403 with why not and what to do."""
        request = await with_body(request, enrolment.MAX_BYTES)
        try:
            asked = enrolment.decode_request(await request.body())
        except ContractError as err:
            raise HttpError(422, "invalid", f"not a request to enrol: {err}") from err
        address = address_of(request)
        await self._refuse_hasty(request, asked.node, address)
        # Counted as failed until it is not, so that many at once cannot slip by; by address, so
        # that nobody can use up the tries of a box that stands elsewhere.
        self._attempts.begin(asked.node, address, is_known=True)
        deed = replace(
            self._trail.deed(request, None, ACTION, f"node:{asked.node}", "done", "", {}),
            by="token",
        )
        try:
            taken = await run_in_threadpool(
                redeem, self._archive, self._key, asked, self._clock, deed
            )
        except RefusedEnrolmentError as err:
            await self._trail.note(
                request, None, ACTION, f"node:{asked.node}", outcome="refused", reason=err.word
            )
            raise HttpError(403, err.word, f"{err}; {err.hint}") from err
        self._attempts.succeeded(asked.node, address, is_known=True)
        try:
            await self._gatekeeper.bring()
        except BrokerBehindError as err:
            raise HttpError(
                503, "broker", f"the node is enrolled, but {err}; ask again",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            ) from err  # fmt: skip
        return Response(
            enrolment.encode(taken), media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )  # fmt: skip

    async def _refuse_hasty(self, request: Request, node: str, address: str) -> None:
        wait_s = self._attempts.wait_s(node, address, is_known=True)
        if wait_s:
            await self._trail.note_once(request, None, ACTION, outcome="refused", reason="too_many")
            raise HttpError(
                429, "too_many", f"too many tries to enrol failed; wait {wait_s} s",
                headers={"Retry-After": str(wait_s)},
            )  # fmt: skip
