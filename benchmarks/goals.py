"""What is asked of tfbert beside its peers, and what was measured: medians of the rounds' ratios, and their ranges."""

import dataclasses
import statistics

import bench_page

SM32, SM16, LITE = "tfbert SavedModel, float32", "tfbert SavedModel, bfloat16", "tfbert LiteRT, int8"
ORT, ORT8, ST = "ONNX Runtime, float32", "ONNX Runtime, int8", "sentence-transformers"
SERVE, SERVE_LITE = "tfbert serve, float32", "tfbert serve, LiteRT int8"
MOSEC, FASTAPI = "mosec + ONNX Runtime int8", "FastAPI + ONNX Runtime"


@dataclasses.dataclass(frozen=True)
class Goal:
    """The first row's figure over the second's, or alone where there is no second."""

    what: str
    table: str
    column: tuple[str, str]  # work and title of the figure
    ours: str
    theirs: str | None
    asked: float
    at_least: bool = True
    difference: bool = False  # in place of the ratio


_MIXED, _SHORT, _BATCH = ("mixed lengths", "texts/s"), ("1 x 16", "ms"), ("32 x 128", "ms")
_SENTENCES, _WORDS, _ALONE = "32 clients, sentences", "32 clients, 1-4 words", "1 client, 1-4 words"
_BULK, _ONE, _STEP = ("file to file", "rows/s"), ("one text a call", "texts/s"), "step"


def _of_networks():
    for model, name in (("minilm", "MiniLM"), ("base", "BERT-Base")):
        table, alone = f"network_{model}", f"one_thread_{model}"
        yield Goal(f"{name}, mixed lengths, float32 / sentence-transformers", table, _MIXED, SM32, ST, 2.2)
        yield Goal(f"{name}, mixed lengths, float32 / ONNX Runtime float32", table, _MIXED, SM32, ORT, 2.5)
        yield Goal(f"{name}, mixed lengths, bfloat16 / sentence-transformers", table, _MIXED, SM16, ST, 3.5)
        yield Goal(f"{name}, 32 x 128, time of float32 / ONNX Runtime float32", table, _BATCH, SM32, ORT, 0.93, False)
        yield Goal(
            f"{name}, 32 x 128, time of bfloat16 / PyTorch bfloat16",
            table,
            _BATCH,
            SM16,
            "PyTorch, bfloat16",
            0.85,
            False,
        )
        yield Goal(
            f"{name}, one text, one thread, time of float32 / ONNX Runtime float32",
            alone,
            _SHORT,
            SM32,
            ORT,
            1.2,
            False,
        )
        yield Goal(
            f"{name}, one text, one thread, time of bfloat16 / ONNX Runtime float32",
            alone,
            _SHORT,
            SM16,
            ORT,
            0.75,
            False,
        )
        yield Goal(
            f"{name}, one text, all threads, time of float32 / ONNX Runtime float32",
            table,
            _SHORT,
            SM32,
            ORT,
            2.0,
            False,
        )
        yield Goal(
            f"{name}, one text, all threads, time of LiteRT int8 / ONNX Runtime float32",
            table,
            _SHORT,
            LITE,
            ORT,
            0.35,
            False,
        )


GOALS = (
    *_of_networks(),
    Goal("one text a call, callers of one thread, float32, texts/s", "callers", _ONE, SM32, None, 280),
    Goal("one text a call, callers of one thread, bfloat16, texts/s", "callers", _ONE, SM16, None, 450),
    Goal("bulk, bfloat16 / sentence-transformers", "bulk", _BULK, "tfbert predict, bfloat16", ST, 4.0),
    Goal("bulk, LiteRT int8 / sentence-transformers", "bulk", _BULK, "tfbert predict, LiteRT int8", ST, 4.5),
    *(
        Goal(
            f"Spearman on STS-B, {kind} - float32",
            *("bulk", ("STS-B", "Spearman"), f"tfbert predict, {kind}", "tfbert predict, float32", -0.002),
            difference=True,
        )
        for kind in ("bfloat16", "LiteRT int8")
    ),
    Goal(
        "server, 32 clients, sentences, LiteRT int8 / mosec int8",
        "servers",
        (_SENTENCES, "requests/s"),
        SERVE_LITE,
        MOSEC,
        1.4,
    ),
    Goal(
        "server, 32 clients, 1-4 words, LiteRT int8 / mosec int8",
        "servers",
        (_WORDS, "requests/s"),
        SERVE_LITE,
        MOSEC,
        1.0,
    ),
    Goal(
        "server, 32 clients, sentences, p99 of LiteRT int8 / mosec int8",
        "servers",
        (_SENTENCES, "p99, ms"),
        SERVE_LITE,
        MOSEC,
        1.0,
        False,
    ),
    Goal(
        "server, 1 client, float32 / FastAPI, ONNX Runtime float32",
        "servers",
        (_ALONE, "requests/s"),
        SERVE,
        f"{FASTAPI} float32",
        0.8,
    ),
    Goal(
        "server, 1 client, LiteRT int8 / FastAPI, ONNX Runtime int8",
        "servers",
        (_ALONE, "requests/s"),
        SERVE_LITE,
        f"{FASTAPI} int8",
        1.0,
    ),
    Goal("server, memory with LiteRT, MiB", "servers", (_SENTENCES, "MiB"), SERVE_LITE, None, 300, False),
    Goal("server, memory with the SavedModel, MiB", "servers", (_SENTENCES, "MiB"), SERVE, None, 600, False),
    Goal(
        "server, process to first answer, LiteRT int8, s",
        "cold_start",
        ("first answer", "s"),
        SERVE_LITE,
        None,
        3.0,
        False,
    ),
    Goal("server, process to first answer, float32, s", "cold_start", ("first answer", "s"), SERVE, None, 3.0, False),
    Goal(
        "fine-tuning step / PyTorch, dynamic padding",
        "fine_tuning",
        (_STEP, "examples/s"),
        "tfbert",
        "PyTorch, dynamic padding",
        3.5,
    ),
    Goal(
        "pretraining step / PyTorch",
        "pretraining",
        (_STEP, "tokens/s"),
        "tfbert, packed rows",
        "PyTorch, full rows of run_mlm.py",
        2.3,
    ),
    Goal("pretraining step / KerasHub", "pretraining", (_STEP, "tokens/s"), "tfbert, packed rows", "KerasHub", 2.6),
)


def measured_of(goal, tables, measured):
    """The goal's number in each round where both rows were measured."""
    if goal.table not in measured:
        return []
    table, entry = tables[goal.table], measured[goal.table]
    ours = bench_page.values(table, entry, goal.ours, *goal.column)
    if goal.theirs is None:
        return list(ours.values())
    theirs = bench_page.values(table, entry, goal.theirs, *goal.column)
    both = [(ours[number], theirs[number]) for number in ours if number in theirs]
    return [one - other if goal.difference else one / other for one, other in both]


def rendered(tables, measured):
    """The goals as a table of Markdown."""
    lines = ["| | measured | asked | |", "|---|---|---|---|"]
    for goal in GOALS:
        numbers = measured_of(goal, tables, measured)
        ratio = goal.theirs is not None and not goal.difference
        form = ".2f" if ratio else ".4f" if goal.difference else ".1f" if goal.asked < 10 else ".0f"
        sign, unit = "≥" if goal.at_least else "≤", " x" if ratio else ""
        asked = f"{sign} {goal.asked:g}{unit}"
        if not numbers:
            reasons = measured.get(goal.table, {}).get("reasons", {})
            reason = next((reasons[row] for row in (goal.ours, goal.theirs) if row in reasons), "")
            lines.append(f"| {goal.what} | not measured{reason and ': '}{reason} | {asked} | |")
            continue
        median = statistics.median(numbers)
        several = f" ({min(numbers):{form}} to {max(numbers):{form}})" if len(numbers) > 1 else ""
        reached = median >= goal.asked if goal.at_least else median <= goal.asked
        lines.append(
            f"| {goal.what} | {median:{form}}{unit}{several} | {asked} | {'reached' if reached else '**no**'} |"
        )
    return "\n".join(lines)
