"""Sweeps on Dask workers: pieces go out, figures come back, this process alone writes the store.

As Dask's documents advise for many small tasks: tasks are submitted a few per worker at a time, long enough to pay for
their round trip, and taken as they complete. A worker that is gone has its pieces found by another; when the
scheduler is gone, what was out is submitted again once it is back.
"""

from __future__ import annotations

import itertools
import logging
import pickle
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from fusemax.base.errors import FusemaxError, MissingExtra, UsageError
from fusemax.search.code import code_digest
from fusemax.search.grid import Part, Reals, Wholes
from fusemax.search.interrupts import deaf_to_interrupts
from fusemax.search.pieces import Cutter, Piece

__all__ = ["Cluster", "find_piece"]

_IN_FLIGHT = 3  # pieces per thread of the cluster that are out at once: one runs, the others wait at hand
_LOOK_S = 2.0  # how often the cluster is asked for its threads: workers join and leave
_CONNECT_S = 20.0
_PATIENCE_S = 600.0
_MOST_DEATHS = 3  # times a piece may have ended all workers Dask gave it to (four of them each time)


def find_piece(code: str, part: bytes, start: int, stop: int, only: Wholes | None) -> tuple[float, Reals]:
    """Run by a worker: seconds taken, and figures. UsageError when it has other code than the coordinator."""
    if code != code_digest():
        raise UsageError(_mismatch(code))
    begun = time.perf_counter()
    figures = _part(part).figures(start, stop, only, threads=1)
    return time.perf_counter() - begun, figures


def _mismatch(code: str) -> str:
    import socket

    from fusemax import __version__

    return (
        f"the worker on {socket.gethostname()} has another fusemax ({__version__}, code {code_digest()}) than the one "
        f"that sweeps (code {code}): install the same on both"
    )


@lru_cache(maxsize=16)
def _part(data: bytes) -> Part:
    found: Part = pickle.loads(data)
    return found


class Cluster:
    """An engine on a scheduler at ``address``, or on ``workers`` processes of this machine.

    ``tell`` is given what the user should know: a scheduler that is gone, or back. MissingExtra without Dask.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int = 1,
        tell: Callable[[str], None] = lambda text: None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        try:
            import distributed
        except ImportError as error:
            raise MissingExtra("distributed", "cluster") from error
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is told below, in our words
        self._dask: Any = distributed
        self.address = address
        self.workers = workers
        self.tell = tell
        self.patience_s = patience_s

    def run(self, parts: Sequence[Part], pieces: Cutter) -> Iterator[tuple[Piece, Reals]]:
        """See Engine. UsageError when there is no scheduler, or a worker has other code."""
        missing = iter(pieces)
        first = next(missing, None)
        if first is None:  # nothing to do: nobody is asked
            return
        with self._scheduler() as address:
            client = self._connect(address, _CONNECT_S)
            try:
                yield from _Flight(self, client, address, parts, pieces).run(itertools.chain((first,), missing))
            finally:
                client.close(timeout=5)

    @contextmanager
    def _scheduler(self) -> Iterator[str]:
        if self.address is not None:
            yield self.address
            return
        with deaf_to_interrupts():  # workers inherit it: Ctrl-C is answered here
            local = self._dask.LocalCluster(
                n_workers=self.workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL"
            )
        try:
            yield local.scheduler_address
        finally:
            local.close(timeout=10)

    def _connect(self, address: str, patience_s: float) -> Any:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                return self._dask.Client(address, timeout=min(5.0, patience_s), set_as_default=False)
            except (OSError, ValueError) as error:
                wrong = isinstance(error, ValueError)
                if wrong or time.monotonic() > deadline:
                    reason = str(error) if wrong else f"nothing answers within {patience_s:.0f} s"
                    raise UsageError(
                        f"--cluster {address}: {reason} (expected the address of a Dask scheduler, tcp://HOST:8786)"
                    ) from None
                time.sleep(0.2)


class _Flight:
    """Pieces that are out, and those to send again."""

    def __init__(self, cluster: Cluster, client: Any, address: str, parts: Sequence[Part], pieces: Cutter) -> None:
        self.cluster = cluster
        self.client = client
        self.address = address
        self.pieces = pieces
        self.data = lru_cache(maxsize=8)(lambda number: pickle.dumps(parts[number], protocol=5))
        self.out: dict[Any, Piece] = {}
        self.again: deque[Piece] = deque()
        self.deaths: Counter[int] = Counter()
        self.names = (f"fusemax-{uuid.uuid4().hex}-{i}" for i in itertools.count())
        self.completed = cluster._dask.as_completed(loop=self.client.loop)
        self.room = self.looked = 0.0

    def run(self, missing: Iterator[Piece]) -> Iterator[tuple[Piece, Reals]]:
        """Send, take, send again until everything is back."""
        while True:
            while len(self.out) < self._room():
                piece = self.again.popleft() if self.again else next(missing, None)
                if piece is None:
                    break
                self._send(piece)
            if not self.out:
                return
            future = next(self.completed)
            piece = self.out.pop(future)
            if future.status == "finished":
                found = self._result(future, piece)
                if found is not None:
                    yield piece, found
            elif future.status == "error":
                self._judge(piece, future.exception())
            else:  # cancelled or lost: the scheduler went away, and all that was out with it
                self.again.append(piece)
                self._reconnect()

    def _send(self, piece: Piece) -> None:
        future = self.client.submit(
            find_piece, code_digest(), self.data(piece.part), piece.start, piece.stop, piece.only,
            key=next(self.names), pure=False,
        )  # fmt: skip
        self.out[future] = piece
        self.completed.add(future)

    def _result(self, future: Any, piece: Piece) -> Reals | None:
        try:
            seconds, figures = future.result()
        except FusemaxError:
            raise
        except (OSError, self.cluster._dask.client.CancelledError):  # gone between its message and its data
            self.again.append(piece)
            return None
        self.pieces.tell(piece, seconds)
        found: Reals = figures
        return found

    def _judge(self, piece: Piece, error: BaseException) -> None:
        if isinstance(error, self.cluster._dask.scheduler.KilledWorker):
            self.deaths[id(piece)] += 1
            if self.deaths[id(piece)] < _MOST_DEATHS:
                self.again.append(piece)
                return
            raise UsageError(f"workers end at {len(piece)} points again and again; have they enough memory?") from error
        if isinstance(error, ImportError | AttributeError):
            raise UsageError(f"a worker cannot run this fusemax: {error}; install the same on all") from error
        raise error

    def _reconnect(self) -> None:
        if self.client.status == "running":
            return
        for future in list(self.out):
            self.again.append(self.out.pop(future))
        self.cluster.tell(f"the scheduler at {self.address} is gone; waiting for it")
        self.client.close(timeout=1)
        self.client = self.cluster._connect(self.address, self.cluster.patience_s)
        self.completed = self.cluster._dask.as_completed(loop=self.client.loop)
        self.looked = 0.0
        self.cluster.tell("the scheduler is back")

    def _room(self) -> float:
        now = time.monotonic()
        if now - self.looked > _LOOK_S:
            self.looked = now
            if self.client.status == "running":
                threads = sum(self.client.nthreads().values())
                if not threads and not self.room:
                    self.cluster.tell(f"the scheduler at {self.address} has no workers yet; waiting for the first")
                self.room = _IN_FLIGHT * max(1, threads)
        return max(self.room, _IN_FLIGHT)
