"""All tasks, families of encoders and checkpoint formats: a row each. tests/contract/ tests every row."""

from __future__ import annotations

import dataclasses
from typing import Any

import toy_family
import toy_task

TEXTS = ["my parcel is late", "refund", "where is my order i want it on monday", "a", "the card was charged twice"]
LABELS = ["late", "money", "late", "money", "late"]
LONG = [f"{text} and the order is the parcel" for text in TEXTS]
SPANS = [[[3, 9, "thing"]], [[0, 6, "money"]], [], [], [[4, 8, "thing"], [9, 12, "verb"]]]
TAGS = [["B-thing" if word in ("parcel", "order", "card") else "O" for word in text.split()] for text in LONG]
DOCUMENTS = ["It is late. I want my money back. Where is it?", "Refund my order please. It is monday."]
MARKED = [
    "the <e1>card</e1> was on the <e2>order</e2>",
    "my <e2>parcel</e2> is my <e1>money</e1>",
    "<e1>a</e1> <e2>b</e2>",
]
CHOICES = [["late", "money"], ["refund", "order", "parcel"], ["a", "b"], ["monday", "the card"], ["twice", "once"]]


@dataclasses.dataclass(frozen=True)
class TaskRow:
    """What the contract tests of a task need.

    Args:
        task: as `model_class` and `--task` take it.
        settings: of the model; those that its labelled rows ask for are added.
        columns: five labelled rows of a training table; {} for a task that is not trained on one.
        questions: rows to predict, {column: values}.
        head: of Hugging Face's class, as in "SequenceClassification"; "" for the bare model.
        other: settings of which none is the default, but for labels.
        bad: ((settings that are refused, a pattern of the error), …).
        is_static: whether it trains on batches of one shape.
        has_replicas: whether it trains on several replicas.
        formats: of an export.
        is_variant: of a task that has another row, or tests of its own; tested with the slow tests alone.
        model_type: of the encoder, where few families have the task's head.
    """

    task: str
    settings: dict[str, Any]
    columns: dict[str, list]
    questions: dict[str, list]
    head: str = ""
    other: dict[str, Any] = dataclasses.field(default_factory=dict)
    bad: tuple[tuple[dict[str, Any], str], ...] = ()
    is_static: bool = True
    has_replicas: bool = True
    formats: tuple[str, ...] = ("saved_model", "lite", "onnx")
    is_variant: bool = False
    model_type: str = "bert"


TASKS = {
    "classification": TaskRow(
        "classification",
        {"max_length": 16},
        {"text": TEXTS, "label": LABELS},
        {"text": TEXTS[:3]},
        "SequenceClassification",
        {
            "labels": ("a", "b"),
            "problem": "multi_label",
            "thresholds": (0.25, 0.5),
            "max_length": 40,
            "windows": True,
            "stride": 3,
            "columns": {"text": "sentence"},
        },
        (
            ({"problem": "binary"}, "problem 'binary'"),
            ({"labels": ("a",)}, "at least two labels"),
            ({"windows": True, "max_length": 16, "stride": 16}, "stride 16 leaves a window of max_length 16 no new"),
        ),
    ),
    "pairs": TaskRow(
        "classification",
        {"pairs": True, "max_length": 32},
        {"text": TEXTS, "text_pair": TEXTS[::-1], "label": LABELS},
        {"text": TEXTS[:3], "text_pair": TEXTS[2:]},
        "SequenceClassification",
        is_variant=True,
    ),
    "several_labels": TaskRow(
        "classification",
        {"max_length": 16, "problem": "multi_label"},
        {"text": TEXTS, "label": ["late,money", "money", "", "late", "late"]},
        {"text": TEXTS[:3]},
        "SequenceClassification",
        is_variant=True,
    ),
    "regression": TaskRow(
        "classification",
        {"max_length": 16, "problem": "regression"},
        {"text": TEXTS, "label": [0.5, 1.0, 2.5, -1.0, 3.0]},
        {"text": TEXTS[:3]},
        "SequenceClassification",
        is_variant=True,
    ),
    "long_texts": TaskRow(
        "classification",
        {"max_length": 8, "windows": True, "stride": 2},
        {"text": LONG, "label": LABELS},
        {"text": LONG[:3]},
        "SequenceClassification",
        is_variant=True,
    ),
    "token_classification": TaskRow(
        "token_classification",
        {"max_length": 16, "words": True, "stride": 4},
        {"words": [text.split() for text in LONG], "tags": TAGS},
        {"text": LONG[:3]},
        "TokenClassification",
        {"labels": ("place",), "words": True, "stride": 3, "max_length": 40, "columns": {"text": "body"}},
        (
            ({"labels": ()}, "needs the labels of its entities"),
            ({"labels": ("a", "a")}, "occurs twice"),
        ),
    ),
    "trained_transitions": TaskRow(
        "token_classification",
        {"max_length": 16, "transitions": True},
        {"text": LONG, "spans": SPANS},
        {"text": LONG[:3]},
        "TokenClassification",
        is_variant=True,
    ),
    "relation_extraction": TaskRow(
        "relation_extraction",
        {"max_length": 16},
        {"text": MARKED + MARKED[:2], "label": ["of", "in", "of", "of", "in"]},
        {"text": MARKED},
        "RelationExtraction",
        {
            "labels": ("a", "b"),
            "max_length": 64,
            "columns": {"text": "sentence"},
            "markers": ("my", "order", "is", "the"),
        },
        (
            ({"labels": ("a",)}, "at least two labels"),
            ({"labels": ("a", "b"), "markers": ("a", "b", "c")}, "four different tokens"),
        ),
    ),
    "question_answering": TaskRow(
        "question_answering",
        {"max_length": 16, "stride": 4, "n_best": 3},
        {
            "question": ["where is it"] * 5,
            "context": LONG,
            "answers": ["parcel", "refund", "order", "parcel", "card"],
        },
        {"question": ["where", "is it late", "what"], "context": LONG[:3]},
        "QuestionAnswering",
        {"max_length": 100, "stride": 7, "unanswerable": True, "threshold": -1.5, "language": "zh", "n_best": 5},
        (
            ({"n_best": 0}, "n_best must be positive"),
            ({"max_length": 16, "stride": 16}, "stride"),
        ),
    ),
    "summarization": TaskRow(
        "summarization",
        {"max_length": 24},
        {
            "document": [*DOCUMENTS, *DOCUMENTS, DOCUMENTS[0]],
            "summary": ["I want my money back.", "Refund my order please."] * 2 + ["I want my money back."],
        },
        {"document": DOCUMENTS},
        "ExtractiveSummarization",
        {"max_length": 40, "ratio": 0.25, "columns": {"document": "article"}},
        (
            ({"sentences": 0}, "sentences must be positive"),
            ({"ratio": 1.5}, "ratio is a share"),
        ),
    ),
    "sentence_embedding": TaskRow(
        "sentence_embedding",
        {"max_length": 32},
        {"text": TEXTS, "text_pair": TEXTS[::-1], "score": [0.1, 0.5, 1.0, 0.5, 0.1]},
        {"text": TEXTS[:3]},
        "",
        {
            "objective": "triplet",
            "score_range": (1.0, 5.0),
            "pooling": "cls",
            "normalize": False,
            "max_length": 40,
            "columns": {"text": "anchor"},
            "dimensions": 8,
        },
        (
            ({"pooling": "sum"}, "pooling 'sum' is not one of mean"),
            ({"dimensions": 33}, "dimensions 33 are more than the 32 that there are"),
        ),
        is_static=False,
    ),
    "multiple_choice": TaskRow(
        "multiple_choice",
        {"max_length": 32},
        {"prompt": TEXTS, "choices": CHOICES, "label": [0, 2, 1, 0, 1]},
        {"prompt": TEXTS[:3], "choices": CHOICES[:3]},
        "MultipleChoice",
        {"max_length": 40, "first_label": 1, "columns": {"choices": "ending"}},
        (({"columns": {"text": "a"}}, "columns prompt, choices and label, but no text"),),
        is_static=False,
    ),
    "fill_mask": TaskRow(
        "fill_mask",
        {"max_length": 32, "top_k": 3, "next_sentence": True},
        {},
        {"text": ["where is my [MASK]", "no mask", "[MASK] [MASK] order"]},
        "PreTraining",
        {"max_length": 40, "top_k": 2, "next_sentence": False, "columns": {"text": "line"}},
        (({"top_k": 0}, "top_k 0 is not from 1"),),
    ),
    "fill_mask_alone": TaskRow(
        "fill_mask",
        {"max_length": 32, "next_sentence": False},
        {},
        {"text": ["where is my [MASK]", "no mask", "[MASK] [MASK] order"]},
        "MaskedLM",
        is_variant=True,
    ),
    "replaced_tokens": TaskRow(
        "replaced_tokens",
        {"max_length": 32},
        {},
        {"text": TEXTS[:3]},
        "PreTraining",
        {
            "max_length": 40,
            "generator_size": 0.5,
            "generator_weight": 2.0,
            "discriminator_weight": 20.0,
            "columns": {"text": "line"},
        },
        (
            ({"generator_size": 1.5}, "generator_size is a share above 0"),
            ({"discriminator_weight": -1.0}, "discriminator_weight is a number from 0 on"),
        ),
        model_type="electra",
        is_variant=True,
    ),
    "toy": TaskRow(
        f"{toy_task.__name__}:{toy_task.PassageScorer.__name__}",
        {"max_length": 32},
        {
            "query": TEXTS,
            "passages": CHOICES,
            "label": [0, 2, 1, 0, 1],
            "kinds": [["answer", "other"], ["other", "other", "answer"], ["other", "answer"]] + [["answer", "other"]] * 2,
        },
        {"query": TEXTS[:3], "passages": CHOICES[:3]},
        "",
        {"kinds": ("a", "b", "c"), "max_length": 40, "columns": {"query": "q"}},
        is_static=False,
    ),
}  # fmt: skip


# What ONNX Runtime makes of two layers of BERT.
FUSED = {"Attention": 2, "SkipLayerNormalization": 4, "LayerNormalization": 1, "BiasGelu": 2}
# The attention that it knows begins at a LayerNorm, and its scores are of query, key and padding alone.
PROJECTED = {**FUSED, "Attention": 1, "FusedMatMul": 1}
UNKNOWN = {**FUSED, "Attention": 0, "FusedMatMul": 2}
EMBEDDED = {"SkipLayerNormalization": 5, "LayerNormalization": 0}  # also the sum of two embeddings
ROTARY_GATED = {**EMBEDDED, "FusedMatMul": 2, "QuickGelu": 2}
# It joins no sum with the LayerNorm of it where the next sum reads it too.
PRE_NORM = {"FusedMatMul": 2, "SkipLayerNormalization": 1, "LayerNormalization": 4, "Gelu": 2}


@dataclasses.dataclass(frozen=True)
class FamilyRow:
    """What the contract tests of a family need.

    Args:
        sizes: of a configuration that trains in seconds, besides the usual ones.
        formats: checkpoint formats that take its weights, besides "hf".
        refused: {another format: a pattern of its error, where the format has the family, but not these sizes}.
        without_pooler: formats that have no place for its pooler by itself.
        fused: how many operations of each kind ONNX Runtime makes of the graph of two layers.
        is_short: whether it trains and is exported in the slow tests alone.
        is_variant: of a family that has another row; tested with the slow tests alone.
    """

    model_type: str
    sizes: dict[str, Any] = dataclasses.field(default_factory=dict)
    formats: tuple[str, ...] = ()
    refused: dict[str, str] = dataclasses.field(default_factory=dict)
    without_pooler: tuple[str, ...] = ()
    fused: dict[str, int] = dataclasses.field(default_factory=lambda: FUSED)
    is_short: bool = False
    is_variant: bool = False


# The tests' vocabulary has its padding in row 0.
ROBERTA = {"pad_token_id": 0, "type_vocab_size": 1, "predictions_act": "gelu"}
_OTHER_PADDING = {"keras_hub": "has no pad_token_id 0"}
_POOLER_OF_HEAD: dict[str, Any] = {"formats": ("keras_hub",), "without_pooler": ("keras_hub",)}

FAMILIES = {
    row.model_type: row
    for row in (
        FamilyRow("bert", formats=("keras_hub", "model_garden", "tf1")),
        # Its config.json has a rate for each head, and none that follows another one.
        FamilyRow(
            "distilbert", {"classifier_dropout": 0.1}, formats=("keras_hub", "model_garden", "tf1"), is_short=True
        ),
        # Its config.json has a rate for each head.
        FamilyRow(
            "albert",
            {"embedding_size": 16, "classifier_dropout": 0.1},
            formats=("keras_hub",),
            fused=PROJECTED,
            is_short=True,
        ),
        FamilyRow(
            "deberta-v2",
            {"position_buckets": 8, "pooler_act": "gelu"},
            fused={**UNKNOWN, "FusedMatMul": 6},  # a layer's three products with transposed matrices
            is_short=True,
            **_POOLER_OF_HEAD,
        ),
        FamilyRow(
            "electra",
            {"embedding_size": 16, "pooler_act": "gelu", "predictions_act": "gelu"},
            fused=PROJECTED,
            is_short=True,
            **_POOLER_OF_HEAD,
        ),
        FamilyRow(
            "mpnet",
            {"pad_token_id": 1, "predictions_act": "gelu"},
            fused={**UNKNOWN, **EMBEDDED},
            is_short=True,
        ),
        FamilyRow("roberta", ROBERTA, refused=_OTHER_PADDING, is_short=True),
        FamilyRow("xlm-roberta", ROBERTA, refused=_OTHER_PADDING, is_variant=True),
        FamilyRow("camembert", ROBERTA, is_variant=True),
        # Its second layer sees two tokens to either side; its config.json has a rate for each head.
        FamilyRow("modernbert", {"local_attention": 4, "classifier_dropout": 0.1}, fused=PRE_NORM, is_short=True),
        FamilyRow("nomic_bert", {"hidden_act": "silu"}, fused=ROTARY_GATED, is_short=True),
        FamilyRow(toy_family.FAMILY.model_type, fused={"Attention": 1, "BiasGelu": 2}, is_short=True),
    )
}


@dataclasses.dataclass(frozen=True)
class FormatRow:
    """What the contract tests of a checkpoint format need.

    Args:
        lost: heads of BERT that it has no place for, where all are there.
        is_written: False of a format that tfbert only reads.
    """

    lost: tuple[str, ...] = ()
    is_written: bool = True


FORMATS = {
    "hf": FormatRow(),
    "tf1": FormatRow(),
    "model_garden": FormatRow(),
    "keras_hub": FormatRow(lost=("predictions", "seq_relationship", "qa_outputs")),
    "hf_tf": FormatRow(is_written=False),
}
