"""A small HTTP/1.1 load generator: keep-alive connections that ask one address as fast as it answers.

A process of its own, so that its work is not counted as the server's: ``python -m benchmarks.load PORT PATH COOKIE
CONNECTIONS SECONDS``; prints one JSON object. With a sixth number it is patient: an error is counted instead of ending
it, and after the time is over it waits that many seconds for what is still unanswered.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from statistics import median, quantiles
from time import monotonic, perf_counter

WARM_UP = 1.0


class Asker(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last one is complete.

    :param patient: go on after an answer that is not 200
    """

    def __init__(self, request: bytes, latencies: list[tuple[float, float]], *, patient: bool = False) -> None:
        self.request = request
        self.latencies = latencies
        self.patient = patient
        self.statuses: Counter[int] = Counter()
        self.finishing = self.waiting = False
        self.buffer = b""
        self.failure: str | None = None
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self.asked, self.waiting = perf_counter(), True
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        self.buffer = b""
        now = perf_counter()
        status = int(head.split(maxsplit=2)[1])
        if status != 200 and not self.patient:
            self.failure = head.splitlines()[0].decode() + " " + body[:200].decode("utf-8", "replace")
            self.transport.close()
            return
        self.statuses[status] += 1
        self.waiting = False
        if status == 200:
            self.latencies.append((now, now - self.asked))
        if self.finishing:
            self.transport.close()
        else:
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        self.failure = self.failure or (str(error) if error else None)
        if not self.closed.done():
            self.closed.set_result(None)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise SystemExit("an answer without Content-Length")


def _request(port: int, path: str, cookie: str) -> bytes:
    lines = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept: application/json", f"Cookie: {cookie}", "", "")
    return "\r\n".join(lines).encode()


async def main(port: int, path: str, cookie: str, connections: int, seconds: float) -> dict[str, float]:
    request = _request(port, path, cookie)
    loop, latencies = asyncio.get_running_loop(), []
    pairs = [
        await loop.create_connection(lambda: Asker(request, latencies), "127.0.0.1", port) for _ in range(connections)
    ]
    started = perf_counter()
    await asyncio.sleep(WARM_UP + seconds)
    counted = [took for ended, took in latencies if started + WARM_UP <= ended < started + WARM_UP + seconds]
    failures = {asker.failure for _, asker in pairs if asker.failure}
    if failures or len(counted) < 20:
        raise SystemExit(f"{path}: {len(counted)} answers; {failures}")
    return {
        "answers": len(latencies),
        "per second": len(counted) / seconds,
        "median": median(counted),
        "p99": quantiles(counted, n=100)[98],
    }


async def patiently(
    port: int, path: str, cookie: str, connections: int, seconds: float, patience: float
) -> dict[str, object]:
    """Ask for some seconds, then wait for the answers that are owed.

    ``per second`` counts the good answers until the last one, ``statuses`` every answer; ``unanswered`` are the
    connections that still waited at the end, or were cut off. ``began`` and ``ended`` (of the asking) are of the
    machine's monotonic clock.
    """
    loop, latencies, request = asyncio.get_running_loop(), [], _request(port, path, cookie)
    pairs = [
        await loop.create_connection(lambda: Asker(request, latencies, patient=True), "127.0.0.1", port)
        for _ in range(connections)
    ]
    started, began = perf_counter(), monotonic()
    await asyncio.sleep(seconds)
    ended = monotonic()
    askers = [asker for _, asker in pairs]
    for asker in askers:
        asker.finishing = True
    await asyncio.wait([asker.closed for asker in askers], timeout=patience)
    statuses: Counter[int] = sum((asker.statuses for asker in askers), Counter())
    took = [each for _, each in latencies]
    last = max((answered for answered, _ in latencies), default=started + seconds)
    return {
        "began": began,
        "ended": ended,
        "per second": len(took) / (last - started),
        "median": median(took) if took else seconds + patience,
        "statuses": {str(status): count for status, count in statuses.items()},
        "unanswered": sum(asker.waiting for asker in askers),
    }


if __name__ == "__main__":
    port, path, cookie, connections, seconds, *patience = sys.argv[1:]
    told = (int(port), path, cookie, int(connections), float(seconds))
    print(json.dumps(asyncio.run(patiently(*told, float(patience[0])) if patience else main(*told))))
