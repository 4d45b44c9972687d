"""The report page: complete, self-contained, and safe with any text in it."""

import html.parser
import re
import xml.etree.ElementTree

import numpy as np
import pytest

from tfbert.runs.report.report import write_report
from tfbert.tasks.evaluation import Answers, Evaluation

NASTY = [
    "<script>alert(1)</script>",
    "a & b \"quoted\" 'so'",
    "$x_1$ \\frac",
    "你好，世界",
    "\x00\x07\u202e",
    "x" * 2000,
    "",
]
HISTORY = [
    {"step": 2, "epoch": 0.5, "loss": 0.9, "learning_rate": 1e-5, "tokens_per_second": 100.0},
    {"step": 4, "epoch": 1.0, "loss": float("nan"), "learning_rate": 2e-5},
    {"step": 4, "epoch": 1.0, "val_loss": 0.7, "val_accuracy": 0.5},
    {"step": 8, "epoch": 2.0, "val_loss": 0.6, "val_accuracy": 0.75},
]


def evaluation(problem="single_label", rows=40, labels=("<b>one</b>", "$two$", "三"), **changes):
    random = np.random.default_rng(0)
    number = len(labels)
    scores = random.dirichlet(np.ones(number), rows) if number else random.normal(size=rows)
    truth = random.integers(0, number, rows) if problem == "single_label" else random.integers(0, 2, (rows, number))
    values = {
        "problem": problem,
        "labels": labels,
        "texts": [NASTY[i % len(NASTY)] for i in range(rows)],
        "text_pairs": None,
        "truth": truth if number else random.normal(size=rows),
        "scores": scores,
        "thresholds": None,
        "token_lengths": random.integers(3, 60, rows),
        "metrics": {"accuracy": 0.5, "matthews": float("nan")},
        "data": "dev.tsv",
    }
    return Evaluation(**{**values, **changes})


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.references, self.data = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in ("src", "href", "xlink:href") and value]

    def handle_data(self, data):
        self.data.append(data)


def written(tmp_path, history=HISTORY, **changes):
    path = tmp_path / "report.html"
    write_report(path, title="<i>run</i>", config={"a<b": "<c>"}, history=history, evaluation=evaluation(**changes))
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"labels": ("no", "yes")},
        {"labels": tuple(f"label {i}" for i in range(60)), "rows": 300},
        {"problem": "multi_label"},
        {"problem": "multi_label", "thresholds": np.array([0.1, 0.5, 0.9])},
        {"problem": "regression", "labels": ()},
        {"rows": 0},
        {"rows": 1},
        {"history": []},
        {"text_pairs": ["<u>pair</u>"] * 40},
    ],
)
def test_is_self_contained_and_well_formed(tmp_path, changes):
    text = written(tmp_path, **changes)
    page = Page(text)
    assert "script" not in page.tags
    assert not {"iframe", "link", "img", "object"} & set(page.tags)
    for raw in ("<b>one", "<i>run", "<u>pair", "<c>"):
        assert raw not in text
    assert all(value.startswith(("#", "data:")) for value in page.references)
    outside = set(re.findall(r"https?://[^\s\"'<>)]+", text))
    assert all("w3.org" in url or "purl.org" in url or "creativecommons.org" in url for url in outside), outside
    for figure in re.findall(r"<svg.*?</svg>", text, re.S):
        xml.etree.ElementTree.fromstring(figure)
    words = " ".join(page.data)
    for section in ("Metrics", "Training", "mistakes"):
        assert section in words
    assert "a<b" in words


def test_texts_are_escaped(tmp_path):
    text = written(tmp_path)
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x00" not in text
    assert "\x07" not in text


def test_the_worst_mistake_comes_first(tmp_path):
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.99, 0.01]])
    text = written(
        tmp_path,
        labels=("no", "yes"),
        rows=3,
        texts=["mistake of ninety", "right one", "mistake of ninety-nine"],
        truth=np.array([1, 1, 1]),
        scores=scores,
    )
    assert text.index("mistake of ninety-nine") < text.index("mistake of ninety<")
    assert "right one" not in text


def test_all_right_has_no_mistakes(tmp_path):
    text = written(tmp_path, labels=("no", "yes"), rows=2, truth=np.array([0, 1]), scores=np.eye(2))
    assert re.search("[Nn]o mistakes", text)


def test_lone_surrogates(tmp_path):
    written(tmp_path, rows=1, texts=["\ud800 half"], scores=np.array([[0.9, 0.05, 0.05]]), truth=np.array([1]))


def answers(rows, **changes):
    texts = [NASTY[i % len(NASTY)] for i in range(rows)]
    values = {
        "texts": texts,
        "truth": texts,
        "predicted": texts,
        "quality": np.linspace(0, 1, rows),
        "scores": np.full(rows, 0.5),
        "token_lengths": np.arange(rows),
        "metrics": {"f1": 0.5},
        "data": "dev.json",
        "by_label": {"<i>": (0.1, 0.2, 0.3, 4)},
    }
    return Answers(**{**values, **changes})


@pytest.mark.parametrize("rows", [0, 1, 40])
def test_answers_that_are_texts(tmp_path, rows):
    write_report(tmp_path / "report.html", title="QA", config={}, history=HISTORY, evaluation=answers(rows))
    page = Page(text := (tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert ("1 of 40 answers are wholly right" in text) == (rows == 40)
    assert ("&lt;i&gt;" in text) == (rows > 0)
    assert rows < 40 or page.tags.count("tr") == 30 + 1 + 2  # the worst mistakes and their head, the labels


def test_answers_of_unequal_length():
    with pytest.raises(ValueError, match="3 texts, but 2 scores"):
        answers(3, scores=[0.5, 0.5])


@pytest.mark.parametrize("problem", ["single_label", "multi_label"])
def test_labels_that_the_model_does_not_know_are_mistakes(tmp_path, problem):
    truth, scores = np.array([0, -1, 1]), np.eye(2)[[0, 0, 1]]
    unknown = None
    if problem == "multi_label":
        truth, unknown = np.eye(2)[[0, 0, 1]], np.array([0, 2, 0])
    drawn = evaluation(problem, 3, ("no", "yes"), truth=truth, scores=scores, unknown=unknown)
    write_report(tmp_path / "report.html", title="t", config={}, history=[], evaluation=drawn)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1 of 3 " in text
    if problem == "single_label":
        assert "(a label that the model does not know)" in text
