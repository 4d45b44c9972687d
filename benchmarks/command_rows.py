"""The tables of whole programs: commands from file to file, and servers."""

from side_by_side import PEERS, Figure, Row, Table, Work

TFBERT = ("-m", "tfbert.launch.main")


def bulk(files, options, sentences):
    """A file of texts to a file of vectors."""
    predict = [options.python, *TFBERT, "predict", "--data={data}", "--out={out}"]
    model, onnx, lite = files.folder / "minilm/model", files.export("minilm"), files.export("minilm", "lite")
    hub, int8 = files.hub("minilm"), files.quantized("minilm")
    theirs = [options.reference_python, PEERS / "sentence_transformers_bulk.py", hub, "{data}", "{out}"]
    rows = (
        _command("tfbert predict, float32", [*predict, f"--model={model}"]),
        _command("tfbert predict, bfloat16", [*predict, f"--model={model}", "--dtype=bfloat16"]),
        _command("tfbert predict, LiteRT int8", [*predict, f"--model={model}", "--engine=litert", f"--export={lite}"]),
        _command("tfbert predict, ONNX int8", [*predict, f"--model={model}", "--engine=onnx", f"--export={onnx}"]),
        _command("sentence-transformers", theirs, options.without("sentence_transformers")),
        _command(
            "ONNX Runtime, int8, sorted",
            [options.python, PEERS / "onnxruntime_bulk.py", int8, hub, "{data}", "{out}"],
        ),
    )
    figures = (
        Figure(len(sentences) - 1, "rows/s", per_second=True),
        Figure("peak", "peak MiB"),
        Figure("start", "one text, whole command, s", ".1f"),
    )
    ours = tuple(row.name for row in rows if row.name.startswith("tfbert"))
    pairs = files.pairs[: options.texts or None]
    scored = {"pairs": pairs, "scores": files.scores[: len(pairs) // 2]}
    return Table(
        "bulk",
        f"MiniLM-L6, {len(sentences):,} sentences of SST-2, a file of texts to a file of vectors; whole commands, less "
        "what the same command takes for one text",
        rows,
        (
            Work("file to file", {"texts": sentences, "shows_vector": True}, figures, warms=False),
            Work("STS-B", scored, (Figure("spearman", "Spearman", ".4f"),), once=True, only=ours, warms=False),
        ),
    )


def _command(name, command, missing=""):
    return Row(name, "commands.py", {"command": list(map(str, command)), "environment": {}}, missing=missing)


def servers(files, options, sentences):
    """Servers under load, and from their start to the first answer."""
    rows = (*_ours(files, options), *_theirs(files, options))
    rate, p50, p99 = Figure("rate", "requests/s"), Figure("p50", "p50, ms", ".1f"), Figure("p99", "p99, ms", ".1f")
    load = {"for_seconds": options.seconds, "shows_vector": True}
    long, short = {"texts": sentences[:300], **load}, {"texts": files.short[:300], **load}
    works = (
        Work("32 clients, sentences", {"clients": 32, **long}, (rate, p99, Figure("memory", "MiB")), warms=False),
        Work("32 clients, 1-4 words", {"clients": 32, **short}, (rate, p99), warms=False),
        Work("1 client, 1-4 words", {"clients": 1, **short}, (rate, p50), warms=False),
    )
    about = "MiniLM-L6 vectors, server and clients on the same cores, loopback"
    yield Table("servers", f"{about}; SST-2's sentences, and the same cut to one to four words", rows, works)
    first = {"texts": files.short[:1], "cold": True}
    cold = Work("first answer", first, (Figure("seconds", "s", ".1f"),), warms=False)
    others = tuple(row for row in rows if "REST" not in row.name and "no batching" not in row.name)
    yield Table("cold_start", "The same servers: from the start of the process to its first answer", others, (cold,))


def _ours(files, options):
    serve = [options.python, *TFBERT, "serve", "--model_name=bench", "--poll_seconds=0"]

    def row(name, dtype, *flags, rest=False):
        ports = ["--grpc_port=0", "--rest_port={port}"] if rest else ["--grpc_port={port}"]
        command = [*serve, f"--model={files.export('minilm', dtype)}", *flags, *ports]
        settings = {"command": command, "api": "rest" if rest else "grpc", "environment": {}}
        return Row(f"tfbert serve, {name}", "server.py", settings)

    yield row("float32", "float32")
    yield row("float32, REST", "float32", rest=True)
    yield row("float32, no batching", "float32", "--nobatching")
    yield row("bfloat16", "bfloat16")
    yield row("LiteRT int8", "lite", "--engine=litert")
    yield row("ONNX int8", "float32", "--engine=onnx")


def _theirs(files, options):
    hub, onnx, int8 = files.hub("minilm"), files.onnx("minilm"), files.quantized("minilm")

    def row(name, command, modules, **environment):
        command = [options.reference_python, *map(str, command)]
        settings = {"command": command, "api": "json", "environment": environment}
        return Row(name, "server.py", settings, missing=options.without(*modules))

    fastapi, web = [PEERS / "fastapi_server.py", "{port}"], ["fastapi", "uvicorn"]
    yield row(
        "mosec + ONNX Runtime int8",
        [PEERS / "mosec_server.py", "--port={port}"],
        ["mosec", "onnxruntime"],
        BENCH_FILE=int8,
        BENCH_VOCABULARY=hub,
    )
    yield row(
        "FastAPI + sentence-transformers",
        [*fastapi, "sentence_transformers", hub],
        [*web, "sentence_transformers"],
    )
    yield row("FastAPI + ONNX Runtime float32", [*fastapi, "onnx", onnx, hub], [*web, "onnxruntime"])
    yield row("FastAPI + ONNX Runtime int8", [*fastapi, "onnx", int8, hub], [*web, "onnxruntime"])
