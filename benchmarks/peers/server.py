"""A server in a process group of its own, and the clients that load it. Settings: command, api, environment.

`command` has {port} where the port stands, `api` is "grpc" (tfbert's), "rest" (tfbert's) or "json" (texts at /embed).
The server starts with the first task, and with each {"cold": true}, which times its start until the first answer.
"""

import asyncio
import atexit
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

import clients
import protocol

START = 120.0  # seconds until a server answers at most
WARM_UP = 1.0  # seconds of load with texts of other lengths, before the first ones that count


async def one(client, port, text):
    """The vector of one text."""
    async with client.session(port) as ask:
        return await ask(client.prepared(text))


class Server:
    """The server, started anew by each `start`."""

    def __init__(self, settings):
        self._settings, self._process, self.port = settings, None, None

    def start(self, client, text):
        """Seconds from the start of the process until it answers, and the answer."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [part.format(port=self.port) for part in self._settings["command"]]
        environment = {**os.environ, **self._settings["environment"], "BENCH_PORT": str(self.port)}
        began = time.perf_counter()
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
        )
        while True:
            try:
                vector = asyncio.run(one(client, self.port, text))
                return time.perf_counter() - began, vector
            except Exception:  # each client has its own for a server that is not there yet
                if self._process.poll() is not None:
                    raise SystemExit(f"{command} ended with {self._process.returncode}") from None
                if time.perf_counter() - began > START:
                    raise
                time.sleep(0.02)

    @property
    def is_running(self):
        return self._process is not None

    def stop(self):
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._process = None

    def memory(self):
        """MiB of all its processes; what they share, with one another or with others, counts once."""
        private, shared = 0, []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rpartition(")")[2].split()[2]) == self._process.pid:  # its group
                    sizes = dict(re.findall(r"(\w+):\s+(\d+) kB", (stat.parent / "smaps_rollup").read_text()))
                    private += sum(int(sizes[f"Private_{kind}"]) for kind in ("Clean", "Dirty"))
                    shared.append(sum(int(sizes[f"Shared_{kind}"]) for kind in ("Clean", "Dirty")))
            except OSError:  # a process that has ended
                continue
        return (private + max(shared)) / 1024


async def load(client, port, texts, clients, seconds):
    """Figures of so many clients, each of which asks again as soon as it has an answer, for some seconds."""
    requests, taken = [client.prepared(text) for text in texts], []
    async with client.session(port) as ask:
        vector = await ask(requests[0])
        ends = time.perf_counter() + seconds

        async def one(first):
            number = first
            while (began := time.perf_counter()) < ends:
                answer = await ask(requests[number * 7919 % len(requests)])  # consecutive ones differ in length
                if len(answer) != len(vector):
                    raise SystemExit(f"a vector of {len(answer)} numbers where there were {len(vector)}")
                taken.append(time.perf_counter() - began)
                number += clients

        began = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(clients)))
        elapsed = time.perf_counter() - began
    points = statistics.quantiles(taken, n=100) if len(taken) > 1 else taken * 99
    return {"rate": len(taken) / elapsed, "p50": 1e3 * points[49], "p99": 1e3 * points[98], "vector": vector}


def open_(settings):
    client, server = clients.CLIENTS[settings["api"]](), Server(settings)
    atexit.register(server.stop)

    def cold(text):
        server.stop()
        seconds, vector = server.start(client, text)
        server.stop()
        return {"seconds": seconds, "vector": vector}

    warm = set()

    def begin(task):
        texts = task["texts"]
        if task.get("cold"):
            return lambda: cold(texts[0])
        if not server.is_running:
            server.start(client, texts[0])
        if texts[-1] not in warm:  # other lengths than before
            asyncio.run(load(client, server.port, texts, task["clients"], WARM_UP))
            warm.add(texts[-1])

        def call():
            found = asyncio.run(load(client, server.port, texts, task["clients"], task["for_seconds"]))
            return {**found, "memory": server.memory()}

        return call

    return begin


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server ends with this process
    protocol.run(open_)
