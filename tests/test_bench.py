"""`make bench`: rounds that alternate, are kept and go on; peers that cannot be measured; tables, goals and the plot."""

import json
import pathlib
import shutil
import sys

import pytest

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import bench  # noqa: E402
import bench_files  # noqa: E402
import bench_page  # noqa: E402
import bench_plot  # noqa: E402
import comparisons  # noqa: E402
import goals  # noqa: E402
import side_by_side  # noqa: E402
from side_by_side import Figure, Row, Table, Work  # noqa: E402

PEER = """
import protocol, sys

def open_(settings):
    if "import" in settings:
        __import__(settings["import"])
    def begin(task):
        def call():
            with open(settings["log"], "a") as log:
                log.write(settings["name"])
            if settings.get("fails_at") == task["what"]:
                raise ValueError("no such texts")
            return {"seconds": settings["seconds"], "vector": settings.get("vector", [1, 0])}
        return call
    return begin

protocol.run(open_)
"""
RATE = (Figure(10, "texts/s", per_second=True),)
WORKS = (Work("mixed", {"what": "mixed", "shows_vector": True}, RATE, warms=False),)


@pytest.fixture
def peers(tmp_path, monkeypatch):
    (tmp_path / "peer.py").write_text(PEER)
    shutil.copy(BENCHMARKS / "peers/protocol.py", tmp_path)
    monkeypatch.setattr(side_by_side, "PEERS", tmp_path)
    monkeypatch.setattr(side_by_side, "QUIET", 0)
    return tmp_path


def row(peers, name, seconds=2.0, **settings):
    return Row(name, "peer.py", {"log": str(peers / "log"), "name": name, "seconds": seconds, **settings})


def measured(peers, table, rounds, fingerprint="f", progress=lambda *_: None):
    kept = side_by_side.Kept(peers / "rounds.json", fingerprint)
    pythons = {False: sys.executable, True: str(peers / "no/python")}
    side_by_side.compare(table, kept, rounds=rounds, pythons=pythons, logs=peers, progress=progress)
    return kept


def test_peers_take_turns_and_each_second_round_goes_backwards(peers):
    table = Table("t", "Texts", (row(peers, "a"), row(peers, "b")), WORKS)
    entry = measured(peers, table, 3).of(table)
    assert (peers / "log").read_text() == "abbaab" and len(entry["rounds"]) == 3
    assert bench_page.values(table, entry, "a", "mixed", "texts/s") == {0: 5.0, 1: 5.0, 2: 5.0}


def test_an_interrupted_comparison_goes_on(peers):
    table = Table("t", "Texts", (row(peers, "a"), row(peers, "b")), WORKS)

    def interrupt(name, doing, number):
        if number == 1 and name == "a":  # the second of the round
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(peers, table, 3, progress=interrupt)
    kept = side_by_side.Kept(peers / "rounds.json", "f")
    assert len(kept.of(table)["rounds"]) == 1 and not kept.is_other
    (peers / "log").unlink()
    assert len(measured(peers, table, 3).of(table)["rounds"]) == 3
    assert (peers / "log").read_text() == "baab"
    measured(peers, table, 3)
    assert (peers / "log").read_text() == "baab"


def test_rounds_of_something_else_are_forgotten(peers):
    table = Table("t", "Texts", (row(peers, "a"),), WORKS)
    measured(peers, table, 2)
    assert side_by_side.Kept(peers / "rounds.json", "another machine").is_other
    assert not side_by_side.Kept(peers / "rounds.json", "another machine").of(table)["rounds"]
    changed = Table("t", "Texts", (row(peers, "a", threads=1),), WORKS)
    assert not side_by_side.Kept(peers / "rounds.json", "f").of(changed)["rounds"]


def test_what_cannot_be_measured_is_named(peers):
    rows = (
        row(peers, "a"),
        row(peers, "module", **{"import": "a_module_that_nobody_has"}),
        row(peers, "fails", fails_at="mixed"),
        row(peers, "other model", vector=[0.1, 1]),
        Row("python", "peer.py", {}, reference=True),
        Row("flag", "peer.py", {}, missing="not built: tfbert serve --engine"),
    )
    table = Table("t", "Texts", rows, WORKS)
    entry = measured(peers, table, 2).of(table)
    assert entry["reasons"] == {
        "module": "not installed: a_module_that_nobody_has",
        "fails": "failed: ValueError: no such texts",
        "other model": "failed: its vector's cosine with that of a is 0.100",
        "python": f"not installed: {peers}/no/python (make .venv-reference/.installed)",
        "flag": "not built: tfbert serve --engine",
    }
    assert bench_page.rendered(table, entry).splitlines() == [
        "Texts. 2 rounds.",
        "",
        "| | texts/s |",
        "|---|---|",
        "| a | 5 (5 to 5) |",
        *(f"| {name} | {entry['reasons'][name]} |" for name in ("module", "fails", "other model", "python", "flag")),
    ]


def test_a_module_of_the_other_environment_that_is_absent():
    options = bench.Options(sys.executable, sys.executable, 2)
    assert options.without("json") == ""
    assert options.without("json", "a_module_that_nobody_has").startswith(
        "not installed: a_module_that_nobody_has (make"
    )
    assert bench.Options("python", "/no/python", 2).without("mosec").startswith("not installed: mosec")


def entry_of(**rows):
    """An entry whose rows have these figures in each round, by work."""
    count = len(next(iter(next(iter(rows.values())).values())))
    rounds = [
        {name: {work: found[i] for work, found in works.items()} for name, works in rows.items()} for i in range(count)
    ]
    return {"rounds": rounds, "reasons": {}, "measured": "2026-11-30"}


def test_figures_of_several_works():
    works = (
        Work("first", {}, (Figure("rate", "requests/s"), Figure("p99", "p99, ms", ".1f")), only=("a",)),
        Work("second", {}, (Figure("seconds", "ms", ".1f", times=1e3),)),
    )
    table = Table("t", "Texts", (Row("a", "", {}), Row("b", "", {})), works)
    entry = entry_of(
        a={"first": [{"rate": 1234.4, "p99": 1.0}, {"rate": 1000, "p99": 3}], "second": [{"seconds": 0.5}] * 2},
        b={"second": [{"seconds": 0.001}, {"seconds": 0.002}]},
    )
    assert bench_page.rendered(table, entry).splitlines()[2:] == [
        "| | first: requests/s | first: p99, ms | second: ms |",
        "|---|---|---|---|",
        "| a | 1,117 (1,000 to 1,234) | 2.0 (1.0 to 3.0) | 500.0 (500.0 to 500.0) |",
        "| b |  |  | 1.5 (1.0 to 2.0) |",
    ]


def test_tables_stand_between_their_markers():
    page = "# Measured\n\n<!-- bench: a -->\nold\n\nold\n<!-- end of a -->\nby hand\n<!-- bench: b -->\n<!-- end of b -->\n"
    new = bench_page.between(page, "a", "| new |")
    assert new == page.replace("old\n\nold", "| new |")
    assert bench_page.between(new, "a", "old\n\nold") == page
    assert "<!-- bench: b -->\n| 1 |\n<!-- end of b -->" in bench_page.between(page, "b", "| 1 |")
    with pytest.raises(SystemExit, match="the page lacks the lines <!-- bench: c --> and <!-- end of c -->"):
        bench_page.between(page, "c", "")


def test_goals_are_of_the_same_rounds(monkeypatch):
    table = Table("t", "Texts", (Row("a", "", {}), Row("b", "", {})), WORKS)
    column = ("mixed", "texts/s")
    monkeypatch.setattr(
        goals,
        "GOALS",
        (
            goals.Goal("at least", "t", column, "a", "b", 1.5),
            goals.Goal("at most", "t", column, "a", "b", 1.5, at_least=False),
            goals.Goal("alone", "t", column, "b", None, 5),
            goals.Goal("difference", "t", column, "a", "b", 3, difference=True),
            goals.Goal("absent", "t", column, "c", "b", 1),
            goals.Goal("another", "u", column, "c", "b", 1),
        ),
    )
    entry = entry_of(
        a={"mixed": [{"seconds": 1.0}, {"seconds": 0.5}]}, b={"mixed": [{"seconds": 2.0}, {"seconds": 1.0}]}
    )
    entry["reasons"]["c"] = "not built: --engine"
    assert goals.rendered({"t": table}, {"t": entry}).splitlines()[2:] == [
        "| at least | 2.00 x (2.00 to 2.00) | ≥ 1.5 x | reached |",
        "| at most | 2.00 x (2.00 to 2.00) | ≤ 1.5 x | **no** |",
        "| alone | 7.5 (5.0 to 10.0) | ≥ 5 | reached |",
        "| difference | 7.5000 (5.0000 to 10.0000) | ≥ 3 | reached |",
        "| absent | not measured: not built: --engine | ≥ 1 x | |",
        "| another | not measured | ≥ 1 x | |",
    ]


@pytest.fixture
def tables(tmp_path):
    """The real ones, of files that are not there."""
    files = bench_files.Files.__new__(bench_files.Files)
    files.folder, files.checkpoint, files.train = tmp_path, "minilm", "train.tsv.gz"
    files.sentences, files.short, files.pairs, files.scores = ["a film"] * 300, ["a"] * 300, ["a", "b"], [1.0]
    return comparisons.tables(files, bench.Options("python", "/no/python", 2))


def test_goals_name_what_the_tables_have(tables):
    for goal in goals.GOALS:
        table = tables[goal.table]
        names = {row.name for row in table.rows}
        assert {goal.ours, goal.theirs} - {None} <= names, goal
        columns = {(work.name, figure.title) for work in table.works for figure in work.figures}
        assert goal.column in columns, goal


def test_every_row_has_its_peer_and_every_work_its_rows(tables):
    for table in tables.values():
        names = [row.name for row in table.rows]
        assert len(set(names)) == len(names)
        for each in table.rows:
            assert (BENCHMARKS / "peers" / each.file).exists()
        for work in table.works:
            assert set(work.only) <= set(names)
        json.loads(table.key())


def test_the_page_has_a_place_for_each_table(tables):
    page = (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8")
    for name in (*tables, "goals", "machine"):
        bench_page.between(page, name, "")
    assert bench_plot.PANELS and {panel[0] for panel in bench_plot.PANELS} <= set(tables)


def test_the_page_and_the_plot_are_written(tables, tmp_path, monkeypatch):
    table = tables["callers"]
    key = table.works[0].name
    figures = {each.name: {key: [{"seconds": 1 + i + j} for j in range(3)]} for i, each in enumerate(table.rows)}
    kept = side_by_side.Kept(
        tmp_path / "rounds.json", {"cpu": "Some CPU (avx2)", "processors": 2, "versions": {"keras": "3"}}
    )
    kept.tables = {"callers": {"key": table.key(), **entry_of(**figures)}}
    shutil.copy(BENCHMARKS / "RESULTS.md", tmp_path)
    panel = ("callers", key, "texts/s", "Calls, texts/s")
    monkeypatch.setattr(bench_plot, "PANELS", (panel, panel, panel))
    for name in ("one.svg", "two.svg"):
        bench_page.write(tmp_path / "RESULTS.md", tmp_path / name, [table], kept, 2)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "| ONNX Runtime, int8 | 80 (67 to 100) |" in page
    assert "Some CPU (avx2), 2 processors, 2 threads unless said; 2026-11-30." in page
    assert "| bulk, bfloat16 / sentence-transformers | not measured | ≥ 4 x | |" in page


def test_what_is_made_for_some_tables():
    assert bench.needed(["network_base"]) == {"base"}
    assert bench.needed(["fine_tuning"]) == set()
    assert bench.needed(["servers", "pretraining"]) == {"minilm", "pretraining"}


def test_what_peers_load_is_made_once_for_a_state_of_the_code(tmp_path, monkeypatch):
    files = bench_files.Files.__new__(bench_files.Files)
    files.folder = tmp_path / "0123456789ab"
    (tmp_path / "ba9876543210").mkdir()  # of other code
    (tmp_path / "logs").mkdir()
    made, said = [], []
    steps = [("models", [lambda: made.append(1), [sys.executable, "-c", "open('made', 'w')"]])]
    monkeypatch.setattr(files, "_steps", lambda wanted: steps, raising=False)
    monkeypatch.setattr(bench_files, "REPOSITORY", tmp_path)
    for _ in range(2):
        files.make({"minilm"}, said.append)
    assert made == [1] and said == ["making models"] and (tmp_path / "made").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0123456789ab", "logs", "made"]
