"""The README.md of an export: what the model is, what each file costs and keeps, and how to ask it."""

import json

import tensorflow as tf

from tfbert.encoders import families
from tfbert.export import golden, measure
from tfbert.export.golden import plain

_SHOWN_LABELS = 40
_SHOWN_ANSWER = 2000  # characters, which a vector of hundreds of numbers exceeds


def model_card(name, model, variants, differences, figures, cases):
    """The card as Markdown.

    Args:
        name: of the model's folder.
        differences, figures: of each variant, {signature: largest difference} and `Figures`.
        cases: the golden examples.
    """
    task, config = model.task, model.encoder.config
    family = families.family_of(config).name
    parameters = sum(int(variable.value.shape.num_elements()) for variable in model.network.variables)
    lines = [
        f"# {name}",
        "",
        f"`{task.name}`, by tfbert: {family} with {config.num_hidden_layers} layers of width {config.hidden_size}, "
        f"{config.num_attention_heads} heads, a vocabulary of {config.vocab_size:,} tokens and at most "
        f"{task.max_length} tokens at once; {parameters / 1e6:.1f} million parameters.",
        "",
        *_labels(task),
        "## Files",
        "",
        *_table(variants, differences, figures, cases),
        "",
        *dict.fromkeys(f"- {note}" for variant in variants for note in variant.notes),
        f"- `{golden.FILE}`: examples with the model's own answers. Every file above gave the same answers before this "
        "folder was written, and numbers of the network within a share of the largest one: "
        + ", ".join(f"{tolerance:g} in {precision}" for precision, tolerance in golden.TOLERANCES.items())
        + ". An answer that a change within the tolerance would turn is not compared at that precision.",
        "- `vocab.txt`, `tokenizer_config.json`, `config.json`: the tokenizer and the sizes, as Hugging Face has them.",
        "",
        "## Signatures",
        "",
        *_signatures(model, variants, cases),
    ]
    return "\n".join(lines) + "\n"


def _labels(task):
    names = list(getattr(task, "labels", ()))
    if not names:
        return []
    more = f" and {len(names) - _SHOWN_LABELS} more" if len(names) > _SHOWN_LABELS else ""
    return [f"Labels: {', '.join(f'`{label}`' for label in names[:_SHOWN_LABELS])}{more}.", ""]


def _table(variants, differences, figures, cases):
    metrics = next((list(figure.metrics) for figure in figures if figure.metrics), [])[:4]
    header = ["file", "dtype", "MB", "takes", "ms a text", "largest difference", "answers compared", *metrics]
    rows = [header, ["---"] * len(header)]
    for variant, difference, figure in zip(variants, differences, figures, strict=True):
        values = [f"{(figure.metrics or {}).get(metric, float('nan')):.4f}" for metric in metrics]
        where = "" if variant.format == "saved_model" else f"{variant.path.parent.name}/"
        rows.append(
            [
                f"`{where}{variant.path.name}`",
                variant.precision,
                f"{variant.size / 1e6:.1f}",
                "strings" if "serving_default" in variant.signatures else "ids",
                f"{figure.milliseconds:.2f}",
                f"{max(difference.values(), default=0.0):.1g}",
                _compared(cases, variant.precision),
                *("" if value == "nan" else value for value in values),
            ]
        )
    text = ["| " + " | ".join(row) + " |" for row in rows]
    note = (
        f"Milliseconds are medians for the first golden example alone, on {measure.processors()} processors of the "
        "machine that exported; of what takes ids, without tokenization."
    )
    if not metrics:
        note += " Accuracy was not measured: export with `--data=`, a labelled file."
    return [*text, "", note]


def _compared(cases, precision):
    """How many answers that are no numbers (labels, places, texts) the precision decides, of how many."""
    decided = [values for case in cases.values() for values in case.decided[precision].values()]
    return f"{sum(int(values.sum()) for values in decided)} of {sum(map(len, decided))}" if decided else "numbers alone"


def _signatures(model, variants, cases):
    task = model.task
    served = {name for variant in variants for name in variant.signatures}
    lines = ["| signature | in | out |", "|---|---|---|"]
    for name, signature in task.signatures.items():
        if name in served:
            given = ", ".join(f"`{column}` {_spec(spec.dtype.name, spec.shape)}" for column, spec in signature.items())
            answers = (f"`{key}` {_array(values)}" for key, values in cases[name].answers.items())
            lines.append(f"| `{name}` | {given} | {', '.join(answers)} |")
    ids = ", ".join(f"`{name}` int32 {_axes(axes)}" for name, axes in task.inputs(model.encoder).items())
    formats = {variant.format for variant in variants}
    if "saved_model" in formats:
        encoded = "`sequence_output` float32 [B, S, H], `pooled_output` float32 [B, H]"
        lines.append(f"| `encode_ids` | `token_ids`, `segment_ids`, `padding_mask` int32 [B, S] | {encoded} |")
        if "classify" in served:
            lines.append("| `classify` | `inputs` string [B], serialized tf.Examples | `classes`, `scores` [B, L] |")
        if "regress" in served:
            lines.append("| `regress` | `inputs` string [B], serialized tf.Examples | `outputs` [B] |")
    if formats & {"lite", "onnx"}:
        outputs = ", ".join(f"`{name}` float32 {_axes(axes)}" for name, axes in task.outputs.items())
        lines.append(f"| `ids` (LiteRT, ONNX) | {ids} | {outputs} |")
    return [*lines, "", *_example(model, formats, cases["serving_default"])]


def _example(model, formats, case):
    first = {column: values[:1] for column, values in case.inputs.items()}
    answer = model.answer({column: tf.constant(values) for column, values in first.items()})
    answer = {key: plain(value.numpy()) for key, value in answer.items()}
    if len(str(answer)) > _SHOWN_ANSWER:
        answer = dict.fromkeys(answer, "…")
    request = {"signature_name": "serving_default", "inputs": {key: plain(values) for key, values in first.items()}}
    if "saved_model" in formats:
        what = "A request to TF Serving's REST API, and what it answers:"
        # In columns it leaves out the name of the only output.
        answer = {"outputs": next(iter(answer.values())) if len(answer) == 1 else answer}
    else:
        what, request = "An example, and the model's answer:", request["inputs"]
    shown = [json.dumps(part, ensure_ascii=False) for part in (request, answer)]
    return [what, "", "```json", *shown, "```"]


def _axes(axes):
    return f"[{', '.join('B' if axis == 'W' else axis for axis in axes.split())}]"


def _spec(dtype, shape):
    return f"{dtype} [{', '.join('B' if i == 0 else str(size or '…') for i, size in enumerate(shape))}]"


def _array(values):
    kind = {"f": "float32", "i": "int32"}.get(values.dtype.kind, "string")
    return _spec(kind, (None,) * values.ndim)
