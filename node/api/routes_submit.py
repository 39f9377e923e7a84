"""Submitting transactions: ``POST /v1/tx`` and ``POST /v1/txs`` (docs/spec/api.md, section 4).

Promise: a reply of 200 or 202 means that the node holds the transaction durably. A wait that
ends without a commit is 202 and says why; it is never an error.
"""

from collections.abc import Iterator, Sequence

from aiohttp import web

from hansa.client.promise import PromiseEntry
from hansa.client.types import (
    Fate,
    NoCommitYet,
    PromiseView,
    Submitted,
    SubmittedBatch,
    TxBody,
    TxsBody,
)
from hansa.errors import HansaError, Unavailable
from node.api.bodies import (
    BATCH_BODY_BYTES_MAX,
    TX_BODY_BYTES_MAX,
    BodyBudget,
    decode_tx,
    decode_txs,
    read_body,
)
from node.api.closing import Closing
from node.api.parameters import choice, refuse_unknown, timeout_s
from node.api.ports import Admission, Known, NodePort, Result
from node.api.problems import problem_of, status_of
from node.api.replies import json_reply
from node.api.routing import WAITING, WAITS, Route
from node.api.views import promise_view, receipt_view

QUERY = frozenset({"wait", "timeout"})


class SubmitRoutes:
    """Takes signed transactions."""

    def __init__(self, port: NodePort, closing: Closing) -> None:
        self._port = port
        self._closing = closing
        self._budget = BodyBudget()

    def routes(self) -> tuple[Route, ...]:
        """Both routes."""
        return (
            Route(
                "POST",
                "/v1/tx",
                self.one,
                "submit",
                "Submit one signed transaction.",
                {200: Submitted, 202: Submitted},
                WAITING,
                TxBody,
            ),
            Route(
                "POST",
                "/v1/txs",
                self.batch,
                "submit",
                "Submit up to 1,000 signed transactions with one reply and one promise.",
                {200: SubmittedBatch, 202: SubmittedBatch},
                WAITING,
                TxsBody,
            ),
        )

    async def one(self, request: web.Request) -> web.Response:
        """One transaction: its ids, the promise, and its fate when it was waited for."""
        refuse_unknown(request, QUERY)
        wait, limit_s = choice(request, "wait", WAITS), timeout_s(request)
        body = await read_body(request, TX_BODY_BYTES_MAX, self._budget)
        raw = decode_tx(body, request.content_type)
        admission = await self._submit((raw,))
        result = admission.results[0]
        if isinstance(result, HansaError):
            raise result
        fate = (await self._fates(admission, wait, limit_s))[0]
        receipt = None
        if fate is not None and fate.height is not None:
            receipt = await self._port.receipt(result.tx_id)
        reply = Submitted(
            tx_id=result.tx_id.hex(),
            tx_hash=result.tx_hash.hex(),
            expires_at=result.expires_at if isinstance(result, PromiseEntry) else 0,
            fate=fate,
            promise=_promise(admission),
            receipt=None if receipt is None else receipt_view(receipt),
            not_yet=self._not_yet(wait, (fate,)),
        )
        return json_reply(reply, 200 if _settled((fate,)) else 202)

    async def batch(self, request: web.Request) -> web.Response:
        """A batch: each result in the order of the batch; a refused one has its problem."""
        refuse_unknown(request, QUERY)
        wait, limit_s = choice(request, "wait", WAITS), timeout_s(request)
        body = await read_body(request, BATCH_BODY_BYTES_MAX, self._budget)
        admission = await self._submit(decode_txs(body, request.content_type))
        fates = await self._fates(admission, wait, limit_s)
        reply = SubmittedBatch(
            results=tuple(map(_submitted, admission.results, fates)),
            promise=_promise(admission),
            not_yet=self._not_yet(wait, fates),
        )
        held = [
            fate
            for fate, result in zip(fates, admission.results, strict=True)
            if not isinstance(result, HansaError)
        ]
        response = json_reply(reply, 200 if _settled(held) else 202)
        if _any_full(admission):
            response.headers["Retry-After"] = "1"
        return response

    async def _submit(self, raws: Sequence[bytes]) -> Admission:
        """Hand transactions to the node.

        Raises:
            Unavailable: ``node.stopping``: it ended, or its disk failed, before it promised.
        """
        admission = await self._closing.until(self._port.submit(raws))
        if admission is None:
            raise Unavailable("node.stopping", "this node is stopping", "ask another node")
        return admission

    async def _fates(self, admission: Admission, wait: str, limit_s: float) -> list[Fate | None]:
        """One fate for each result; None for refused ones and where nobody asked."""
        entries = [entry for entry in admission.results if isinstance(entry, PromiseEntry)]
        fates: Iterator[Fate] = iter(())
        if entries and wait != "none":
            tx_ids = [entry.tx_id for entry in entries]
            waited = None
            if wait == "commit":
                waited = await self._closing.until(self._port.wait(tx_ids, limit_s))
            fates = iter(await self._port.fates(tx_ids) if waited is None else waited)
        return [
            next(fates, None)
            if isinstance(result, PromiseEntry)
            else result.fate
            if isinstance(result, Known)
            else None
            for result in admission.results
        ]

    def _not_yet(self, wait: str, fates: Sequence[Fate | None]) -> NoCommitYet | None:
        """Why a wait for commits left something pending."""
        pending = sum(fate is not None and fate.state == "pending" for fate in fates)
        if wait != "commit" or not pending:
            return None
        quorum = self._port.status().quorum
        if quorum.reached:
            code, why = "wait.timeout", f"{pending} still pending when the wait ended"
        else:
            code, why = (
                "quorum.missing",
                (
                    f"no quorum, {quorum.live} of {quorum.validators} validators reachable, "
                    f"{quorum.need} needed (missing: {', '.join(quorum.missing)})"
                ),
            )
        return NoCommitYet(
            code=code,
            detail=why,
            hint="it stays in the mempool until it expires and can still commit",
            validators=quorum.validators,
            need=quorum.need,
            live=quorum.live,
            missing=quorum.missing,
        )


def _promise(admission: Admission) -> PromiseView | None:
    return None if admission.promise is None else promise_view(admission.promise)


def _submitted(result: Result, fate: Fate | None) -> Submitted:
    """One result of a batch."""
    if isinstance(result, HansaError):
        return Submitted(problem=problem_of(result))
    return Submitted(
        tx_id=result.tx_id.hex(),
        tx_hash=result.tx_hash.hex(),
        expires_at=result.expires_at if isinstance(result, PromiseEntry) else 0,
        fate=fate,
    )


def _settled(fates: Sequence[Fate | None]) -> bool:
    return all(fate is not None and fate.final for fate in fates)


def _any_full(admission: Admission) -> bool:
    return any(
        isinstance(entry, HansaError) and status_of(entry) == 429  # noqa: PLR2004 - Too Many
        for entry in admission.results
    )
