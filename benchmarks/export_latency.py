"""Milliseconds of each exported format for sentence vectors, in turn with an ONNX graph left as it is and PyTorch.

python benchmarks/export_latency.py --checkpoint=$CHECKPOINT --reference_python=$TORCH

Of texts with 16 and 128 tokens, one and eight at once, the same vectors. In each round every contestant computes a few
times; PyTorch (sentence-transformers, on its own tokenizer) does so in a process of its own, while this one waits.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SHAPES = [(1, 16), (1, 128), (8, 16), (8, 128)]  # texts at once, tokens of each
WARM = 3  # calls before the first round
ALIKE = 0.98  # cosine that every contestant's vectors have with the first's at least


def texts_of(batch, tokens):
    """Texts of so many tokens with the two special ones: each word is one token of BERT's vocabularies."""
    words = ("the", "film", "was", "long", "and", "good", "but", "not", "my", "own")
    return [" ".join(words[(i + j) % len(words)] for j in range(tokens - 2)) for i in range(batch)]


def times(call, calls):
    taken = []
    for _ in range(calls):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return taken


def reference(checkpoint, threads):
    """PyTorch's side: lines [batch, tokens, calls] in, lines [times, first vector] out."""
    import sentence_transformers
    import torch

    torch.set_num_threads(threads)
    model = sentence_transformers.SentenceTransformer(checkpoint, device="cpu")
    for line in sys.stdin:
        batch, tokens, calls = json.loads(line)
        texts = texts_of(batch, tokens)

        def call(texts=texts):
            return model.encode(texts, batch_size=len(texts), show_progress_bar=False, normalize_embeddings=True)

        print(json.dumps([times(call, calls), call()[0].tolist()]), flush=True)


def contestants(checkpoint, folder, threads):
    """{name: texts -> a function without arguments that returns their vectors}."""
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    import onnxruntime

    import tfbert
    from tfbert.export import lite
    from tfbert.export.folder import export
    from tfbert.export.onnx import files as onnx

    model = tfbert.SentenceEncoder.from_checkpoint(checkpoint)
    export(model, folder / "plain")
    export(model, folder / "xla", ["saved_model"], xla_buckets=True)
    export(
        *(model, folder / "bfloat16", ["saved_model"]),
        dtype="bfloat16",
        reload=lambda dtype: tfbert.SentenceEncoder.from_checkpoint(checkpoint, dtype=dtype),
    )
    calls, loaded = {}, []

    def of_saved_model(path):
        loaded.append(tf.saved_model.load(str(path)))  # must outlive its signature
        function = loaded[-1].signatures["serving_default"]
        return lambda texts: lambda: function(text=tf.constant(texts))["embedding"].numpy()

    def of_lite(path):
        run = lite.open_file(path, threads)["serving_default"]
        given = lambda texts: {"text": np.array([text.encode() for text in texts], object)}  # noqa: E731
        return lambda texts: lambda: run(given(texts))["embedding"]

    def of_onnx(path):
        run = onnx.open_file(path, threads)

        def prepared(texts):
            features = {name: value.numpy() for name, value in model.task.features({"text": texts}).items()}
            return lambda: run(features)

        return prepared

    calls["SavedModel, strings"] = of_saved_model(folder / "plain/1")
    calls["SavedModel, strings, --xla_buckets"] = of_saved_model(folder / "xla/1")
    calls["SavedModel, strings, --dtype=bfloat16"] = of_saved_model(folder / "bfloat16/1")
    for name in ("model", "model_float16", "model_int8"):
        calls[f"LiteRT, strings, {name}.tflite"] = of_lite(folder / f"plain/lite/{name}.tflite")
    for name in ("model", "model_int8"):
        calls[f"ONNX Runtime, ids, {name}.onnx"] = of_onnx(folder / f"plain/onnx/{name}.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = onnxruntime.InferenceSession(str(folder / "plain/onnx/model.onnx"), options)
    names = [value.name for value in plain.get_inputs()]

    def unfused(texts):
        features = {name: value.numpy() for name, value in model.task.features({"text": texts}).items()}
        return lambda: plain.run(None, {name: features[name] for name in names})[0]

    calls["ONNX Runtime, ids, model.onnx, nothing fused"] = unfused
    return calls


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--reference_python", help="Python of an environment with sentence-transformers")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--reference", action="store_true", help=argparse.SUPPRESS)  # the other process
    args = parser.parse_args()
    if args.reference:
        return reference(args.checkpoint, args.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        calls = contestants(args.checkpoint, pathlib.Path(folder), args.threads)
        names, other = list(calls), None
        if args.reference_python:
            command = [args.reference_python, __file__, "--reference", f"--checkpoint={args.checkpoint}"]
            other = subprocess.Popen(
                [*command, f"--threads={args.threads}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            names.append("sentence-transformers, PyTorch, strings")

        def ask(shape, calls):
            other.stdin.write(json.dumps([*shape, calls]) + "\n")
            other.stdin.flush()
            return json.loads(other.stdout.readline())

        table = {name: [] for name in names}
        for shape in SHAPES:
            texts = texts_of(*shape)
            prepared = {name: call(texts) for name, call in calls.items()}
            vectors = {name: call()[0] for name, call in prepared.items()}
            if other:
                vectors[names[-1]] = np.array(ask(shape, WARM)[1])
            for name, vector in vectors.items():
                cosine = vector @ vectors[names[0]] / np.linalg.norm(vector) / np.linalg.norm(vectors[names[0]])
                assert cosine > ALIKE, (name, shape, cosine)
            for call in prepared.values():
                times(call, WARM)
            taken = {name: [] for name in names}
            for _ in range(args.rounds):
                for name, call in prepared.items():
                    taken[name] += times(call, args.calls)
                if other:
                    taken[names[-1]] += ask(shape, args.calls)[0]
            for name in names:
                table[name].append(1e3 * statistics.median(taken[name]))
            print(shape, {name: round(values[-1], 2) for name, values in table.items()}, flush=True)
        if other:
            other.stdin.close()
            other.wait()
    print("| | " + " | ".join(f"{batch} x {tokens}" for batch, tokens in SHAPES) + " |")
    print("|---" * (1 + len(SHAPES)) + "|")
    for name, values in table.items():
        print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in values) + " |")


if __name__ == "__main__":
    main()
