"""`tfbert serve` under attack: good clients ask for ten minutes while others send what hurts.

python benchmarks/serving_attack.py --checkpoint=$CHECKPOINT --texts=$DATA/classification/sst2_glue/dev.tsv
python benchmarks/serving_attack.py --checkpoint=$CHECKPOINT --texts=… --seconds=60

32 good clients, 24 by gRPC and 8 by REST, ask a model of two layers with random weights and the checkpoint's
vocabulary: first alone, then beside 8 attackers in a process of their own, one for each kind of attack. Every answer is
compared with what the model computes for the text alone. At the end the server gets SIGTERM. The last line of the
output is a JSON object; the exit status is 1 if one of these does not hold: no answer is wrong or lost, the 99th
percentile is at most --max_slowdown times the quiet one, the server's memory stays flat and its log small, and it ends
with 0.
"""

import argparse
import asyncio
import gzip
import json
import multiprocessing
import pathlib
import random
import statistics
import sys
import tempfile
import time

import numpy as np
from serving_load import METHOD, TOLERANCE, Served, answers, export_versions, flags, mixed_texts, serialized

REST_CLIENTS = 8
MAX_MEMORY_GROWTH = 1.25  # of the second half's largest size against the first half's
MAX_LOG_BYTES_A_SECOND = 50_000
PAUSE = 0.05  # seconds between two requests of an attacker


def main() -> None:
    parser = flags(__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long the attack lasts")
    parser.add_argument("--quiet_seconds", type=float, default=60, help="how long good clients ask alone")
    parser.add_argument("--max_slowdown", type=float, default=5, help="of their 99th percentile, while others attack")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="serving_attack_") as folder:
        found = measure(args, pathlib.Path(folder))
    print(json.dumps(found))
    sys.exit(1 if found["faults"] else 0)


def measure(args: argparse.Namespace, folder: pathlib.Path) -> dict:
    """All measurements, as the JSON object that is printed."""
    texts = mixed_texts(args.texts, 300, None)
    export_versions(argparse.Namespace(checkpoint=args.checkpoint, small=True), folder, texts, versions=1)
    expected = answers(folder / "staged/1", texts)
    base = folder / "load"
    base.mkdir()
    (folder / "staged/1").rename(base / "1")
    with Served(base, "--rest_port=0") as served:
        quiet = asyncio.run(Good(served, texts, expected, args.clients).run(args.quiet_seconds))
        print("quiet:       ", quiet.line(), flush=True)
        attackers = multiprocessing.get_context("spawn").Process(
            target=attack, args=(served.address, served.rest, args.seconds, folder / "attacks.json"), daemon=True
        )
        attackers.start()
        attacked = asyncio.run(Good(served, texts, expected, args.clients).run(args.seconds))
        print("under attack:", attacked.line(), flush=True)
        attackers.join(timeout=60)
        after = asyncio.run(Good(served, texts, expected, args.clients).run(args.quiet_seconds / 4))
        print("afterwards:  ", after.line(), flush=True)
        code, shutdown = served.end()
    sent = json.loads((folder / "attacks.json").read_text())
    print("attacks sent:", sent)
    half = len(attacked.memory) // 2
    growth = max(attacked.memory[half:]) / max(attacked.memory[:half])
    log_bytes = served.log.stat().st_size
    slowdown = attacked.p99() / quiet.p99()
    print(
        f"p99 is {slowdown:.2f} x the quiet one; memory grows {growth:.2f} x from the first half to the second; "
        f"log {log_bytes} bytes; the server ended with {code} after {shutdown:.1f} s"
    )
    faults = {
        "wrong": quiet.wrong + attacked.wrong + after.wrong,
        "lost": quiet.lost + attacked.lost + after.lost,
        "slow": slowdown > args.max_slowdown,
        "memory": growth > MAX_MEMORY_GROWTH,
        "log": log_bytes > MAX_LOG_BYTES_A_SECOND * args.seconds,
        "shutdown": code != 0,
        "attackers": any(not count for count in sent.values()) or set(sent) != set(ATTACKS),
    }
    return {
        "answered": len(attacked.seconds),
        "p99": {"quiet": quiet.p99(), "attacked": attacked.p99(), "afterwards": after.p99()},
        "slowdown": slowdown,
        "memory": attacked.memory,
        "memory_growth": growth,
        "log_bytes": log_bytes,
        "attacks": sent,
        "shutdown_seconds": shutdown,
        "faults": {name: value for name, value in faults.items() if value},
    }


class Good:
    """Clients, each of which sends its next request as soon as it has an answer."""

    def __init__(self, served: Served, texts: list[bytes], expected: list, clients: int) -> None:
        self._served, self._texts, self._expected, self._clients = served, texts, expected, clients
        self._requests = [serialized(text) for text in texts]
        self._next = self.wrong = self.lost = 0
        self.seconds, self.memory = [], []

    async def run(self, seconds: float) -> "Good":
        """Asks for so many seconds."""
        import aiohttp
        import grpc
        from tensorflow_serving.apis import predict_pb2

        self._until = time.perf_counter() + seconds
        self._lasts = seconds
        async with grpc.aio.insecure_channel(self._served.address) as channel, aiohttp.ClientSession() as session:
            ask = channel.unary_unary(METHOD, response_deserializer=predict_pb2.PredictResponse.FromString)

            async def by_grpc(which: int) -> list[float]:
                response = await ask(self._requests[which], timeout=60)
                return list(response.outputs["probabilities"].float_val)

            async def by_rest(which: int) -> list[float]:
                body = {"instances": [self._texts[which].decode()]}
                async with session.post(f"{self._served.rest}/load:predict", json=body) as response:
                    response.raise_for_status()
                    return (await response.json())["predictions"][0]["probabilities"]

            asks = [by_rest if client < REST_CLIENTS else by_grpc for client in range(self._clients)]
            await asyncio.gather(self._watch(), *map(self._client, asks))
        return self

    async def _watch(self) -> None:
        while time.perf_counter() < self._until:
            self.memory.append(self._served.memory())
            await asyncio.sleep(min(self._lasts / 40, 5))

    async def _client(self, ask) -> None:
        while time.perf_counter() < self._until:
            which = self._next * 7919 % len(self._requests)  # consecutive requests differ in length
            self._next += 1
            begun = time.perf_counter()
            try:
                given = await ask(which)
            except Exception as error:
                print("lost:", type(error).__name__, error, file=sys.stderr)
                self.lost += 1
                continue
            self.seconds.append(time.perf_counter() - begun)
            self.wrong += not np.allclose(given, self._expected[which], rtol=0, atol=TOLERANCE)

    def p99(self) -> float:
        """The 99th percentile of a request's milliseconds."""
        return 1e3 * statistics.quantiles(self.seconds, n=100)[98]

    def line(self) -> str:
        """The counts, the rate and the times as a line."""
        points = statistics.quantiles(self.seconds, n=100)
        return (
            f"{len(self.seconds)} answers, {self.wrong} wrong, {self.lost} lost, "
            f"{len(self.seconds) / self._lasts:.1f} a second, "
            f"p50 {1e3 * points[49]:.1f} ms, p99 {1e3 * points[98]:.1f} ms; "
            f"{max(self.memory) / 2**20:.0f} MB"
        )


def attack(address: str, rest: str, seconds: float, counts: pathlib.Path) -> None:
    """Runs all attackers side by side for so many seconds, and writes how many requests of each kind were sent."""

    async def repeated(once) -> int:
        until, count = time.perf_counter() + seconds, 0
        while time.perf_counter() < until:
            try:
                await asyncio.wait_for(once(address, rest, random.Random(count)), 60)
            except Exception:  # the server refuses, closes or does not answer: an attacker tries again
                pass
            count += 1
            await asyncio.sleep(PAUSE)
        return count

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*map(repeated, ATTACKS.values()))

    counts.write_text(json.dumps(dict(zip(ATTACKS, asyncio.run(all_of_them()), strict=True))))


async def _call(address: str, body: bytes, timeout: float | None = 30) -> None:
    import grpc

    async with grpc.aio.insecure_channel(address) as channel:
        await channel.unary_unary(METHOD)(body, timeout=timeout)


async def _post(rest: str, path: str, body: bytes, **headers: str) -> None:
    import aiohttp

    async with aiohttp.ClientSession(auto_decompress=False) as session:
        async with session.post(rest + path, data=body, headers=headers) as response:
            await response.read()


def _predict(**inputs: object) -> bytes:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest(model_spec={"name": "load"})
    request.model_spec.signature_name = "encode_ids" if "token_ids" in inputs else ""
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request.SerializeToString()


async def many_rows(address: str, rest: str, chance: random.Random) -> None:
    """As many empty or long texts as are allowed in a request, and more."""
    rows = chance.choice([512, 4096, 20_000])
    text = chance.choice(["", "a", "a film to treasure " * 20 if rows == 512 else ""])
    await _call(address, _predict(text=[text] * rows))


async def bombs(address: str, rest: str, chance: random.Random) -> None:
    """Kilobytes of gzip that stand for many rows, and one that stands for a gigabyte."""
    body = chance.choice([b'{"instances":[' + b'"",' * 700_000 + b'""]}', b"[" * 2**20, b'{"a":' * 2**18])
    await _post(rest, "/load:predict", gzip.compress(body), **{"Content-Encoding": "gzip"})
    if chance.random() < 0.05:
        await _post(rest, "/load:predict", gzip.compress(bytes(2**30), 1), **{"Content-Encoding": "gzip"})


async def idle(address: str, rest: str, chance: random.Random) -> None:
    """400 connections that say nothing, to one port or the other, for as long as the server keeps them."""
    host, port = _host_and_port(chance.choice([address, rest.split("/")[2]]))
    opened = []
    try:
        for _ in range(400):
            opened.append((await asyncio.wait_for(asyncio.open_connection(host, port), 2))[1])
        await asyncio.sleep(10)
    finally:
        for writer in opened:
            writer.close()


async def slow(address: str, rest: str, chance: random.Random) -> None:
    """50 requests whose bytes come one a second."""

    async def one() -> None:
        _, writer = await asyncio.open_connection(*_host_and_port(rest.split("/")[2]))
        try:
            head = b"POST /v1/models/load:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n"
            for byte in head + chance.choice([b"", b"\r\n"]) + b" " * 20:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
        finally:
            writer.close()

    await asyncio.gather(*(asyncio.wait_for(one(), 45) for _ in range(50)), return_exceptions=True)


async def broken(address: str, rest: str, chance: random.Random) -> None:
    """Bodies, paths and encodings that are not what they say."""
    encoding, body = chance.choice(
        [
            ("gzip", b"\x1f\x8b\x08broken"),
            ("br", b"text"),
            ("zstd", b"text"),
            ("identity", b'{"instances": [1e39]}'),
            ("identity", b'{"instances": [{"text": [1, 2.5]}]}'),
            ("identity", b'{"instances": ' + b"[" * 5000),
            ("identity", b'{"inputs": {"text": {"b64": "a"}}}'),
            ("identity", bytes(chance.randrange(256) for _ in range(300))),
        ]
    )
    paths = ["/load:predict", "/load%0a:predict", "/load/versions/\u0661:predict", "/load:classify", "/%00"]
    await _post(rest, chance.choice(paths), body, **{"Content-Encoding": encoding})


async def leavers(address: str, rest: str, chance: random.Random) -> None:
    """Large requests of clients that do not wait for the answer."""
    body = _predict(text=["a film to treasure " * 10] * 256)
    by_grpc = _call(address, body, timeout=chance.choice([0.001, 0.01, 0.1]))
    text = json.dumps({"instances": ["a film to treasure " * 10] * 256}).encode()
    by_rest = asyncio.wait_for(_post(rest, "/load:predict", text), chance.choice([0.01, 0.1]))
    await asyncio.gather(by_grpc, by_rest, return_exceptions=True)


async def strange_tensors(address: str, rest: str, chance: random.Random) -> None:
    """Ids out of range, wrong shapes, messages that are no messages."""
    ids = np.full((1, 8), chance.choice([-1, 10**9, 1]), np.int32)
    segments = np.full((1, 8), chance.choice([0, 7]), np.int32)
    body = chance.choice(
        [
            _predict(token_ids=ids, segment_ids=segments, padding_mask=segments),
            _predict(text=[["a"], ["b"]]),
            _predict(nothing=["a"]),
            bytes(chance.randrange(256) for _ in range(200)),
            _predict(text=["a" * 10**6]),
        ]
    )
    await _call(address, body)


async def garbage(address: str, rest: str, chance: random.Random) -> None:
    """Bytes that are neither HTTP nor gRPC, endless headers and many requests in one connection."""
    reader, writer = await asyncio.open_connection(*_host_and_port(chance.choice([address, rest.split("/")[2]])))
    try:
        get = b"GET /v1/models/load HTTP/1.1\r\nHost: a\r\n"
        post = b"POST /v1/models/load:predict HTTP/1.1\r\nHost: a\r\n"
        writer.write(
            chance.choice(
                [
                    chance.randbytes(5000),
                    get + b"X: " + b"a" * 10**6,
                    (get + b"\r\n") * 2000,
                    b"POST /v1/models/load:predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + b"zz\r\n",
                    post + b"Content-Length: -1\r\n\r\n",
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + chance.randbytes(2000),
                ]
            )
        )
        await asyncio.wait_for(writer.drain(), 2)
        await asyncio.wait_for(reader.read(2**20), 2)
    finally:
        writer.close()


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


ATTACKS = {each.__name__: each for each in (many_rows, bombs, idle, slow, broken, leavers, strange_tensors, garbage)}

if __name__ == "__main__":
    main()
