"""All that bench.py compares: the tables, their rows and what each row does. Commands and servers: command_rows.py."""

import command_rows
from side_by_side import Figure, Row, Table, Work

ARRIVAL = 32  # texts of a batch, in order of arrival
MODELS = {"minilm": "MiniLM-L6", "base": "BERT-Base, random weights"}
NOT_OF_BASE = ("tfbert LiteRT, float32", "tfbert ONNX, int8", "KerasHub, float32")  # nothing new, and minutes
BULK = 1500  # texts of a file
ROWS, LENGTH = 32, 128  # of a batch of pretraining
# As BUILD.md has it for TF Serving: weights do not change, so that they are packed once.
SERVED = {"TF_ONEDNN_ASSUME_FROZEN_WEIGHTS": "1"}
MILLISECONDS = (Figure("seconds", "ms", ".1f", times=1e3),)


def tables(files, options):
    """{name: Table} for the `Files` and the `bench.Options`."""
    sentences = files.sentences[: options.texts or None]
    made = [
        *(_network(files, options, model, sentences) for model in MODELS),
        *(_one_thread(files, model) for model in MODELS),
        _callers(files, options),
        command_rows.bulk(files, options, sentences[:BULK]),
        *command_rows.servers(files, options, sentences),
        _fine_tuning(files, options),
        _pretraining(files, options),
    ]
    return {table.name: table for table in made}


def _graphs(files, model, **settings):
    """tfbert's SavedModels."""
    for dtype in ("float32", "bfloat16"):
        given = {"export": str(files.export(model, dtype) / "1"), **settings}
        yield Row(f"tfbert SavedModel, {dtype}", "tfbert_graph.py", given, environment=SERVED)


def _onnx(files, model, **settings):
    """ONNX Runtime on tfbert's float32 file, and on this file quantized by ONNX Runtime's own tool."""
    for name, file in (("float32", files.onnx(model)), ("int8", files.quantized(model))):
        given = {"file": file, "vocabulary": files.hub(model), **settings}
        yield Row(f"ONNX Runtime, {name}", "onnxruntime_encoder.py", given)


def _runtimes(files, model, threads):
    """Each runtime on the same model."""
    lite, hub = files.export(model, "lite") / "lite", {"checkpoint": files.hub(model), "threads": threads}
    ours = {
        "file": str(files.export(model) / "onnx/model_int8.onnx"),
        "vocabulary": files.hub(model),
        "threads": threads,
    }
    rows = [
        *_graphs(files, model, threads=threads),
        Row("tfbert LiteRT, float32", "tfbert_lite.py", {"file": str(lite / "model.tflite"), "threads": threads}),
        Row("tfbert LiteRT, int8", "tfbert_lite.py", {"file": str(lite / "model_int8.tflite"), "threads": threads}),
        *_onnx(files, model, threads=threads),
        Row("tfbert ONNX, int8", "onnxruntime_encoder.py", ours),
        Row("PyTorch, float32", "torch_encoder.py", {"dtype": "float32", **hub}, reference=True),
        Row("PyTorch, bfloat16", "torch_encoder.py", {"dtype": "bfloat16", **hub}, reference=True),
        Row("KerasHub, float32", "keras_hub_encoder.py", hub),
    ]
    return tuple(row for row in rows if model == "minilm" or row.name not in NOT_OF_BASE)


def _network(files, options, model, sentences):
    is_small = model == "minilm"
    texts = sentences[: 256 if is_small else 64]
    hub = {"checkpoint": files.hub(model), "threads": options.threads}
    encode = Row("sentence-transformers", "sentence_transformers_encoder.py", hub, reference=True)
    rows = _runtimes(files, model, options.threads)
    shapes = tuple(row.name for row in rows)
    mixed = {"texts": texts, "batch": ARRIVAL, "shows_vector": True}
    return Table(
        f"network_{model}",
        f"{MODELS[model]}: sentences of SST-2 as they arrive, {ARRIVAL} at once, strings in and vectors out "
        "(sentence-transformers gets all at once and sorts them; KerasHub pads to 128 tokens); and ids of one length",
        (*rows, encode),
        (
            Work("mixed lengths", mixed, (Figure(len(texts), "texts/s", per_second=True),)),
            Work("1 x 16", {"rows": 1, "tokens": 16, "warm": 5, "calls": 30}, MILLISECONDS, only=shapes),
            Work("32 x 128", {"rows": 32, "tokens": 128, "calls": 2 if is_small else 1}, MILLISECONDS, only=shapes),
        ),
        most_rounds=None if is_small else 2,  # of some minutes
    )


def _one_thread(files, model):
    task = {"rows": 1, "tokens": 16, "warm": 5, "calls": 40}
    title = f"{MODELS[model]}, one thread: one text of 16 tokens, ids in"
    rows = [row for row in _runtimes(files, model, 1) if model == "minilm" or "PyTorch" not in row.name]
    return Table(f"one_thread_{model}", title, tuple(rows), (Work("1 x 16", task, MILLISECONDS),))


def _callers(files, options):
    settings = {"threads": 1, "callers": options.threads}
    rows = (*_graphs(files, "minilm", **settings), *_onnx(files, "minilm", **settings))
    texts = [files.one_text] * (options.texts or 400)
    title = f"MiniLM-L6, {options.threads} callers of one thread each: texts of 16 tokens, one a call, strings in"
    work = Work("one text a call", {"texts": texts, "batch": 1}, (Figure(len(texts), "texts/s", per_second=True),))
    return Table("callers", title, rows, (work,))


def _fine_tuning(files, options):
    settings = {"checkpoint": files.hub("minilm"), "train": files.train, "batch": ARRIVAL, "threads": options.threads}
    steps = {"tfbert": 30, "PyTorch, dynamic padding": 12, "KerasHub": 2}  # some seconds each
    rows = (
        Row("tfbert", "fit_tfbert.py", settings),
        Row("PyTorch, dynamic padding", "fit_torch.py", settings, reference=True),
        Row("KerasHub", "fit_keras_hub.py", settings),
    )
    works = []
    for row, count in steps.items():
        count = 2 if options.texts else count
        rate = Figure(count * ARRIVAL, "examples/s", per_second=True)
        works.append(Work("step", {"steps": count}, (rate,), only=(row,)))
    title = f"Fine-tuning MiniLM-L6 on SST-2, float32, batches of {ARRIVAL}, as each library's user gets it"
    return Table("fine_tuning", title, rows, tuple(works))


def _pretraining(files, options):
    settings = {"examples": files.examples, "batch": ROWS, "threads": options.threads}
    texts = {"texts": files.paragraphs, "length": LENGTH, **settings}
    rows = (
        Row("tfbert, packed rows", "pretrain_tfbert.py", {"dtype": "float32", **settings}),
        Row("tfbert, packed rows, mixed_bfloat16", "pretrain_tfbert.py", {"dtype": "mixed_bfloat16", **settings}),
        Row("PyTorch, full rows of run_mlm.py", "pretrain_torch.py", texts, reference=True),
        Row("KerasHub", "pretrain_keras_hub.py", texts),
    )
    rate = (Figure("tokens", "tokens/s", per_second=True),)
    works = tuple(
        Work("step", {"steps": 1 if options.texts else count}, rate, only=(row.name,), warms=False)
        for row, count in zip(rows, (4, 4, 3, 2), strict=True)  # some ten seconds each
    )
    title = f"Pretraining BERT-Small (4 x 512), {ROWS} rows of {LENGTH}, non-padding tokens of novels"
    return Table("pretraining", title, rows, works)
