"""Verification of many signatures, in chunks, beside the event loop (architecture, 8).

libsodium releases the interpreter's lock, so a chunk in a thread costs the loop nothing but
the hand-over; a chunk is large enough that the hand-over does not count. Where processes are
as many as cores threads gain nothing: then `workers` is 0 and chunks run in the loop, which
gets its turn between them.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

from hansa.keys import Verify
from hansa.signing import verify as verify_signature
from hansa.transaction import SignedTransaction

CHUNK = 48
"""Transactions of one chunk: 3 ms of work, so inline chunks never hold the loop for longer."""
WORKERS_MAX = 8
"""Threads: more than this never helped, since hashing and hand-over stay in one thread."""


class Verifier(Protocol):
    """Says for each transaction whether all its signatures hold, in order."""

    async def verify_batch(self, transactions: Sequence[SignedTransaction]) -> list[bool]:
        """One verdict for each transaction."""


def verify_now(
    transactions: Sequence[SignedTransaction], verify: Verify = verify_signature
) -> list[bool]:
    """The same at once in this thread: for simulation and tools."""
    return [transaction.verified_by(verify) for transaction in transactions]


class InlineVerifier:
    """Verifies in the caller's turn, without threads: the simulated world's verifier."""

    def __init__(self, verify: Verify = verify_signature) -> None:
        self._verify = verify

    async def verify_batch(self, transactions: Sequence[SignedTransaction]) -> list[bool]:
        """One verdict for each transaction."""
        return verify_now(transactions, self._verify)


class VerifierPool:
    """Verifies in a few threads, or between turns of the loop when `workers` is 0.

    Attributes:
        verified: signatures verified so far, good and bad.
    """

    def __init__(self, workers: int, verify: Verify = verify_signature) -> None:
        """Use `workers` threads, 0 to `WORKERS_MAX`."""
        assert 0 <= workers <= WORKERS_MAX
        self._verify = verify
        self._threads = (
            ThreadPoolExecutor(workers, thread_name_prefix="verify") if workers else None
        )
        self.verified = 0

    async def verify_batch(self, transactions: Sequence[SignedTransaction]) -> list[bool]:
        """One verdict for each transaction, in order."""
        self.verified += sum(len(transaction.signatures) for transaction in transactions)
        chunks = [
            transactions[start : start + CHUNK] for start in range(0, len(transactions), CHUNK)
        ]
        verdicts: list[bool] = []
        if self._threads is None:
            for chunk in chunks:
                verdicts += verify_now(chunk, self._verify)
                await asyncio.sleep(0)  # let votes pass between two chunks
            return verdicts
        loop = asyncio.get_running_loop()
        results = await asyncio.gather(
            *(
                loop.run_in_executor(self._threads, verify_now, chunk, self._verify)
                for chunk in chunks
            )
        )
        for result in results:
            verdicts += result
        return verdicts

    def close(self) -> None:
        """Stop the threads; chunks that have begun are finished."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
