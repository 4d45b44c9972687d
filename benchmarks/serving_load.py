"""Load test of `tfbert serve`: constant requests, new versions while it serves, every answer checked.

python benchmarks/serving_load.py --checkpoint=$CHECKPOINT --texts=$DATA/classification/sst2_glue/dev.tsv
python benchmarks/serving_load.py --checkpoint=$CHECKPOINT --texts=… --small --requests=100000

First compares batching on with batching off, in alternating rounds. Then sends at least --requests requests with
batching on, while three new versions with other weights appear one after another. An answer is right if it equals,
within 1e-4, what the version that it names computes for that text alone. `--small` takes a model of two layers with
random weights and the checkpoint's vocabulary. The last line of the output is a JSON object.
"""

import argparse
import asyncio
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SWAPS = 3
METHOD = "/tensorflow.serving.PredictionService/Predict"
POLLING = ("--poll_seconds=0.5",)
TOLERANCE = 1e-4  # rounding depends on the shape of the batch


def main() -> None:
    parser = flags(__doc__)
    parser.add_argument("--small", action="store_true", help="use two layers with random weights")
    parser.add_argument("--words", type=int, help="cut texts to this many words")
    parser.add_argument("--distinct", type=int, default=300, help="number of different texts")
    parser.add_argument("--requests", type=int, default=20_000, help="requests while versions change")
    parser.add_argument("--compared", type=int, default=2000, help="requests in each round of batching on or off")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of batching on and off")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="serving_load_") as folder:
        print(json.dumps(measure(args, pathlib.Path(folder))))


def flags(description: str) -> argparse.ArgumentParser:
    """The flags of all programs that load a server."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, help="a folder with a BERT checkpoint")
    parser.add_argument("--texts", required=True, help="a TSV file; the first column holds the texts")
    parser.add_argument("--clients", type=int, default=32, help="clients that ask at the same time")
    return parser


def measure(args: argparse.Namespace, folder: pathlib.Path) -> dict:
    """All measurements, as the JSON object that is printed."""
    texts = mixed_texts(args.texts, args.distinct, args.words)
    export_versions(args, folder, texts)
    expected = {version: answers(folder / f"staged/{version}", texts) for version in range(1, SWAPS + 2)}
    base = folder / "load"
    base.mkdir()
    (folder / "staged/1").rename(base / "1")
    rates = {"on": [], "off": []}
    for _ in range(args.rounds):
        for batching in ("on", "off"):
            with Served(base, *POLLING, *(["--nobatching"] if batching == "off" else [])) as served:
                load = asyncio.run(Load(served, texts, expected, args.clients).run(args.compared))
            load.must_be_right()
            rates[batching].append(load.summary())
            print(f"batching {batching:3} {describe(load.summary())}", flush=True)
    ratios = [on["rate"] / off["rate"] for on, off in zip(rates["on"], rates["off"], strict=True)]
    if ratios:
        print(
            f"batching on is {statistics.median(ratios):.2f} x off ({min(ratios):.2f} to {max(ratios):.2f})", flush=True
        )
    with Served(base, *POLLING) as served:
        first, median = asyncio.run(first_against_median(served, texts))
        load = Load(served, texts, expected, args.clients)
        load.swaps = [(folder / f"staged/{version}", base / str(version)) for version in range(2, SWAPS + 2)]
        asyncio.run(load.run(args.requests))
        versions = {version: load.versions.count(version) for version in sorted(set(load.versions))}
    summary = load.summary()
    print(f"{len(load.versions)} requests, {SWAPS} new versions: {load.wrong} wrong, {load.lost} lost")
    print(describe(summary))
    print(f"answers by version: {versions}; the first request took {first / median:.2f} x the median of one client")
    megabytes = [round(size / 2**20) for size in load.memory]
    print(f"memory of the server in MB, after each tenth of the requests: {megabytes}")
    return {
        "answered": len(load.versions),
        "wrong": load.wrong,
        "lost": load.lost,
        "versions": versions,
        "ratios": ratios,
        "compared": rates,
        "swapped": summary,
        "first_to_median": first / median,
        "memory": load.memory,
    }


def mixed_texts(file: str, count: int, words: int | None = None) -> list[bytes]:
    """Texts of 1 to about 100 words, or at most `words`, from the file's first column; one in ten is five joined."""
    lines = pathlib.Path(file).read_text(encoding="utf-8").splitlines()[1:]
    sentences = [line.split("\t")[0] for line in lines if line.split("\t")[0].strip()]
    choice = random.Random(0)
    texts = [choice.choice(sentences) for _ in range(count)]
    for number in range(0, count, 10):
        texts[number] = " ".join(choice.choice(sentences) for _ in range(5))
    return [" ".join(text.split()[:words]).encode() for text in texts]


def export_versions(
    args: argparse.Namespace, folder: pathlib.Path, texts: list[bytes], versions: int = SWAPS + 1
) -> None:
    """Writes so many versions into `folder`/staged."""
    import keras

    from tfbert import BertConfig, BertEncoder, TextClassifier, Tokenizer
    from tfbert.checkpoints.formats.hugging_face import write_folder

    checkpoint = args.checkpoint
    if args.small:
        tokenizer = Tokenizer.from_folder(checkpoint)
        config = BertConfig(
            vocab_size=len(tokenizer.vocabulary),
            hidden_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=512,
        )
        encoder = BertEncoder(config, name="encoder")
        encoder.build()
        checkpoint = folder / "small"
        checkpoint.mkdir()
        write_folder(checkpoint, encoder)
        tokenizer.save(checkpoint)
    for version in range(1, versions + 1):
        keras.utils.set_random_seed(version)  # so that each version gives other answers
        model = TextClassifier.from_checkpoint(checkpoint, labels=["negative", "positive"])
        classifier = model.network.get_layer("classifier")
        classifier.kernel.assign(classifier.kernel * 20)  # an untrained head gives 0.5 for every text
        model.export(folder / f"staged/{version}")
        write_warm_up(folder / f"staged/{version}", texts)


def write_warm_up(folder: pathlib.Path, texts: list[bytes]) -> None:
    """Records warm-up requests with the shortest, the middle and the longest text."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    texts = sorted(texts, key=len)
    file = folder / "assets.extra/tf_serving_warmup_requests"
    with tf.io.TFRecordWriter(str(file)) as writer:
        for text in (texts[0], texts[len(texts) // 2], texts[-1]):
            request = predict_pb2.PredictRequest.FromString(serialized(text))
            writer.write(prediction_log_pb2.PredictionLog(predict_log={"request": request}).SerializeToString())


def answers(folder: pathlib.Path, texts: list[bytes]) -> list[list[float]]:
    """The probabilities that a version computes for each text alone."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    function = loaded.signatures["serving_default"]
    return [function(text=tf.constant([text]))["probabilities"].numpy()[0].tolist() for text in texts]


class Served:
    """`tfbert serve` in its own process, its log in a file beside the model's folder.

    Attributes:
        address: of gRPC.
        rest: where the REST API begins, if `flags` ask for one.
    """

    def __init__(self, base: pathlib.Path, *flags: str) -> None:
        command = [sys.executable, "-m", "tfbert.launch.main", "serve", f"--model={base}", "--grpc_port=0"]
        self._command, self.log = [*command, *flags], base.with_name("log")

    def __enter__(self) -> "Served":
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("serving"):
            self.process.wait()
            raise SystemExit(self.log.read_text())
        self.address = re.search(r" on (\S+)", line)[1]
        self.rest = (re.search(r"REST on (\S+?),", self.process.stdout.readline()) or [None, ""])[1]
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.end()

    def end(self) -> tuple[int, float]:
        """The exit status after SIGTERM, and how many seconds it took."""
        begun = time.perf_counter()
        self.process.terminate()
        self.process.communicate(timeout=60)
        return self.process.returncode, time.perf_counter() - begun

    def memory(self) -> int:
        """Bytes in RAM."""
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text())[1]) * 1024


class Load:
    """Clients, each of which sends its next request as soon as it has an answer."""

    def __init__(self, served: Served, texts: list[bytes], expected: dict[int, list], clients: int) -> None:
        self._served, self._expected, self._clients = served, expected, clients
        self._requests = [serialized(text) for text in texts]
        self._next = 0
        self.swaps, self.seconds, self.versions, self.memory = [], [], [], []
        self.wrong = self.lost = 0

    async def run(self, requests: int) -> "Load":
        """Sends at least so many requests, until the last version has answered."""
        import grpc
        from tensorflow_serving.apis import predict_pb2

        self._total = requests
        self._awaited = 1  # the newest version
        self._swap_at = [requests * (n + 1) // (len(self.swaps) + 1) for n in range(len(self.swaps))]
        async with grpc.aio.insecure_channel(self._served.address) as channel:
            self._ask = channel.unary_unary(METHOD, response_deserializer=predict_pb2.PredictResponse.FromString)
            await self._ask(self._requests[0], timeout=60, wait_for_ready=True)
            begun = time.perf_counter()
            await asyncio.gather(*(self._client() for _ in range(self._clients)))
            self.elapsed = time.perf_counter() - begun
        return self

    async def _client(self) -> None:
        import grpc

        # The old version answers while a new one loads; the run ends after the last version has answered.
        while self._next < self._total or self._swap_at or self._awaited not in self.versions[-100:]:
            number, self._next = self._next, self._next + 1
            if number * 10 % self._total < 10 and number < self._total:
                self.memory.append(self._served.memory())
            if self._swap_at and number >= self._swap_at[0] and self._awaited in self.versions[-100:]:
                self._swap_at.pop(0)
                staged, place = self.swaps.pop(0)
                staged.rename(place)
                self._awaited = int(place.name)
            which = number * 7919 % len(self._requests)  # consecutive requests differ in length
            begun = time.perf_counter()
            try:
                response = await self._ask(self._requests[which], timeout=120)
            except grpc.aio.AioRpcError as error:
                print("lost:", error.code(), error.details(), file=sys.stderr)
                self.lost += 1
                continue
            self.seconds.append(time.perf_counter() - begun)
            version = response.model_spec.version.value
            self.versions.append(version)
            given, right = response.outputs["probabilities"].float_val, self._expected[version][which]
            self.wrong += not np.allclose(given, right, rtol=0, atol=TOLERANCE)

    def must_be_right(self) -> None:
        """Ends the program if an answer was wrong or lost."""
        if self.wrong or self.lost:
            raise SystemExit(f"{self.wrong} answers wrong, {self.lost} lost")

    def summary(self) -> dict[str, float]:
        """Requests per second, and the 50th and 99th percentile of their time in milliseconds."""
        points = statistics.quantiles(self.seconds, n=100)
        return {"rate": len(self.seconds) / self.elapsed, "p50": 1e3 * points[49], "p99": 1e3 * points[98]}


def describe(summary: dict[str, float]) -> str:
    """The summary as a line."""
    return f"{summary['rate']:.1f} requests/s, p50 {summary['p50']:.1f} ms, p99 {summary['p99']:.1f} ms"


def serialized(text: bytes) -> bytes:
    """A PredictRequest for one text."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest(model_spec={"name": "load"})
    request.inputs["text"].CopyFrom(tf.make_tensor_proto([text]))
    return request.SerializeToString()


async def first_against_median(served: Served, texts: list[bytes]) -> tuple[float, float]:
    """Seconds of the first request to a warmed-up server, and the median of the next 50 from one client."""
    import grpc

    text = sorted(texts, key=len)[len(texts) // 2]
    seconds = []
    async with grpc.aio.insecure_channel(served.address) as channel:
        await channel.channel_ready()  # so that connecting is not measured
        ask = channel.unary_unary(METHOD)
        for _ in range(51):
            begun = time.perf_counter()
            await ask(serialized(text), timeout=60)
            seconds.append(time.perf_counter() - begun)
    return seconds[0], statistics.median(seconds[1:])


if __name__ == "__main__":
    main()
