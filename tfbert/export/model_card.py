"""The README.md of an export: a model card of the Hugging Face hub.

It says what each file costs and how its answers differ, how to call the signatures, and shows an example.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import huggingface_hub
import tensorflow as tf

from tfbert import cpu
from tfbert.encoders import families
from tfbert.export import golden, measure
from tfbert.export.artifact import Variant
from tfbert.export.file_names import GOLDEN, TASK
from tfbert.export.golden_answers import plain

if TYPE_CHECKING:
    from tfbert.models.task_model import TaskModel

_TEMPLATE = pathlib.Path(__file__).with_name("model_card.md.jinja")
_SHOWN_LABELS = 40
_SHOWN_METRICS = 4
_SHOWN_ANSWER = 2000  # characters, which a vector of hundreds of numbers exceeds


def model_card(
    name: str,
    model: TaskModel,
    variants: Sequence[Variant],
    differences: Sequence[Mapping[str, float]],
    figures: Sequence[measure.Figures],
    cases: Mapping[str, golden.Case],
) -> str:
    """The card as Markdown, after the hub's block of metadata.

    Args:
        name: of the model's folder.
        differences, figures: of each variant, {signature: largest difference} and `Figures`.
        cases: the golden examples.
    """
    task = model.task
    card = huggingface_hub.ModelCard.from_template(
        huggingface_hub.ModelCardData(library_name="tfbert", pipeline_tag=task.pipeline_tag),
        template_path=str(_TEMPLATE),
        name=name,
        task=task.name,
        network=_network(model),
        labels=task.labels,
        shown_labels=_SHOWN_LABELS,
        metrics=next((list(figure.metrics) for figure in figures if figure.metrics), [])[:_SHOWN_METRICS],
        files=[_file(*of_one, cases) for of_one in zip(variants, differences, figures, strict=True)],
        processors=cpu.processors(),
        cpu=cpu.description(),
        notes=list(dict.fromkeys(note for variant in variants for note in variant.notes)),
        golden=GOLDEN,
        has_task=any((variant.path.parent.parent / TASK).exists() for variant in variants),
        tolerances=golden.TOLERANCES,
        signatures=_signatures(model, variants, cases),
        example=_example(model, {variant.format for variant in variants}, cases["serving_default"]),
    )
    return f"{card}\n"


def _network(model):
    config = model.encoder.config
    parameters = sum(int(variable.value.shape.num_elements()) for variable in model.network.weights)
    return (
        f"{families.family_of(config).name} with {config.num_hidden_layers} layers of width {config.hidden_size}, "
        f"{config.num_attention_heads} heads, a vocabulary of {config.vocab_size:,} tokens and at most "
        f"{model.task.max_length} tokens at once; {parameters / 1e6:.1f} million parameters"
    )


def _file(variant, differences, figures, cases):
    """A row of the table of files."""
    where = "" if variant.format == "saved_model" else f"{variant.path.parent.name}/"
    return {
        "path": f"{where}{variant.path.name}",
        "precision": variant.precision,
        "megabytes": variant.size / 1e6,
        "takes": "strings" if "serving_default" in variant.signatures else "ids",
        "milliseconds": figures.milliseconds,
        "difference": max(differences.values(), default=0.0),
        "compared": _compared(cases, variant.precision),
        "metrics": figures.metrics or {},
    }


def _compared(cases, precision):
    """How many answers that are no numbers (labels, places, texts) the precision decides, of how many."""
    decided = [values for case in cases.values() for values in case.decided[precision].values()]
    return f"{sum(int(values.sum()) for values in decided)} of {sum(map(len, decided))}" if decided else "numbers alone"


def _signatures(model, variants, cases):
    """The rows of the table of signatures, each of name, inputs and answers in Markdown."""
    task = model.task
    served = {name for variant in variants for name in variant.signatures}
    rows = []
    for name, signature in task.signatures.items():
        if name in served:
            given = ", ".join(f"`{column}` {_spec(spec.dtype.name, spec.shape)}" for column, spec in signature.items())
            answers = ", ".join(f"`{key}` {_array(values)}" for key, values in cases[name].answers.items())
            rows.append((f"`{name}`", given, answers))
    ids = ", ".join(f"`{name}` int32 {_axes(axes)}" for name, axes in task.inputs(model.encoder).items())
    formats = {variant.format for variant in variants}
    if "saved_model" in formats:
        encoded = "`sequence_output` float32 [B, S, H], `pooled_output` float32 [B, H]"
        inputs = ", ".join(f"`{name}`" for name in model.encoder.input_names)
        rows.append(("`encode_ids`", f"{inputs} int32 [B, S]", encoded))
        if "classify" in served:
            rows.append(("`classify`", "`inputs` string [B], serialized tf.Examples", "`classes`, `scores` [B, L]"))
        if "regress" in served:
            rows.append(("`regress`", "`inputs` string [B], serialized tf.Examples", "`outputs` [B]"))
    if formats & {"lite", "onnx"}:
        outputs = ", ".join(f"`{name}` float32 {_axes(axes)}" for name, axes in task.outputs.items())
        rows.append(("`ids` (LiteRT, ONNX)", ids, outputs))
    return [dict(zip(("name", "given", "answers"), row, strict=True)) for row in rows]


def _example(model, formats, case):
    """A request with one row, and the model's answer to it."""
    first = {column: values[:1] for column, values in case.inputs.items()}
    answer = model.answer({column: tf.constant(values) for column, values in first.items()})
    answer = {key: plain(value.numpy()) for key, value in answer.items()}
    if len(str(answer)) > _SHOWN_ANSWER:
        answer = dict.fromkeys(answer, "…")
    request = {"signature_name": "serving_default", "inputs": {key: plain(values) for key, values in first.items()}}
    if "saved_model" in formats:
        heading = "A request to TF Serving's REST API, and what it answers:"
        # A response in columns leaves out the name of the only output.
        answer = {"outputs": next(iter(answer.values())) if len(answer) == 1 else answer}
    else:
        heading, request = "An example, and the model's answer:", request["inputs"]
    request, answer = (json.dumps(part, ensure_ascii=False) for part in (request, answer))
    return {"heading": heading, "request": request, "answer": answer}


def _axes(axes):
    return f"[{', '.join('B' if axis == 'W' else axis for axis in axes.split())}]"


def _spec(dtype, shape):
    return f"{dtype} [{', '.join('B' if i == 0 else str(size or '…') for i, size in enumerate(shape))}]"


def _array(values):
    kind = {"f": "float32", "i": "int32"}.get(values.dtype.kind, "string")
    return _spec(kind, (None,) * values.ndim)
