"""A small HTTP/1.1 load generator: keep-alive connections that ask one address as fast as it answers.

A process of its own, so that its work is not counted as the server's: ``python -m benchmarks.load PORT PATH COOKIE
CONNECTIONS SECONDS``; prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
from statistics import median, quantiles
from time import perf_counter

WARM_UP = 1.0


class Asker(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last one is complete."""

    def __init__(self, request: bytes, latencies: list[tuple[float, float]]) -> None:
        self.request = request
        self.latencies = latencies
        self.buffer = b""
        self.failure: str | None = None
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self.asked = perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        self.buffer = b""
        now = perf_counter()
        if not head.startswith(b"HTTP/1.1 200"):
            self.failure = head.splitlines()[0].decode() + " " + body[:200].decode("utf-8", "replace")
            self.transport.close()
            return
        self.latencies.append((now, now - self.asked))
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


async def main(port: int, path: str, cookie: str, connections: int, seconds: float) -> dict[str, float]:
    lines = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept: application/json", f"Cookie: {cookie}", "", "")
    request = "\r\n".join(lines).encode()
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


if __name__ == "__main__":
    port, path, cookie, connections, seconds = sys.argv[1:6]
    print(json.dumps(asyncio.run(main(int(port), path, cookie, int(connections), float(seconds)))))
