"""One folder with a model in every format, written only if each answers as the model in Python does."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfbert.checkpoints.formats.hugging_face import write_config
from tfbert.errors import ConfigError, DiskError, ExportError
from tfbert.export import golden, measure, model_card
from tfbert.export.artifact import FORMATS, PRECISIONS, Variant
from tfbert.export.engines.onnx_inputs import INPUTS
from tfbert.export.file_names import GOLDEN
from tfbert.export.saved_model.write import write_saved_model
from tfbert.files import replace_folder, write_json
from tfbert.tasks.registry import saved_as
from tfbert.tasks.task import check_trainable

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.models.task_model import TaskModel

VERSION = "1"
_GOLDEN_ROWS = 16  # of a labelled file, beside the examples of our own
_ENCODED = 4  # texts whose vectors are compared


def export(
    model: TaskModel,
    path: str | os.PathLike,
    formats: Sequence[str] = FORMATS,
    *,
    precisions: Sequence[str] | None = None,
    table: Table | None = None,
    xla_buckets: bool = False,
    dtype: str = "float32",
    onnx_inputs: str = "tfbert",
    reload: Callable[[str], Any] | None = None,
) -> list[Variant]:
    """Writes the folder `path`: `1/` (a SavedModel), `lite/`, `onnx/`, and what they share.

    `task/` has what `tfbert serve --engine=litert` and `--engine=onnx` run around the files of LiteRT and ONNX.
    Shared are vocab.txt, tokenizer_config.json, config.json, labels (where the task has some, in the logits' order),
    golden.json (examples with the model's answers, and the tolerances) and README.md, the model card.

    Args:
        model: a task model in float32, as `tfbert.load` gives it.
        formats: one or more of FORMATS.
        precisions: of the files of LiteRT and ONNX, some of "float32", "float16", "int8"; all unless given.
        table: labelled rows on which each precision is measured; a few join the golden examples.
        xla_buckets: as `write_saved_model`'s.
        dtype: of the SavedModel's matrix products and their weights, "float32" or "bfloat16"; sums, LayerNorms and
            embeddings are float32 in both.
        onnx_inputs: "tfbert" or "hugging_face", the names of the ONNX files' inputs; as `write_onnx`'s.
        reload: `dtype -> model`, the same model in another dtype such as "mixed_bfloat16"; for a `dtype` that is not
            float32.

    Returns the `Variant`s with paths below `path`.

    Raises:
        ExportError: a format answers otherwise than the model, or cannot be made of it; nothing was written.
        DiskError: the folder could not be written, or is somebody's other folder.

    >>> export(tfbert.load("runs/mine"), "served/mine", ["saved_model"])
    """
    if not formats:
        raise ConfigError(f"name at least one format: {', '.join(FORMATS)}")
    if unknown := [name for name in formats if name not in FORMATS]:
        raise ConfigError(f"there is no format {unknown[0]!r}; the formats are {', '.join(FORMATS)}")
    if dtype != "float32" and reload is None:
        raise ConfigError(f"a SavedModel in {dtype} needs `reload`, which gives the model in that dtype")
    if onnx_inputs not in INPUTS:
        raise ConfigError(f"onnx_inputs {onnx_inputs!r} is not one of {', '.join(INPUTS)}")
    of_files = _precisions(formats, precisions)
    path = pathlib.Path(path)
    _check_versions(path)
    task, examples, few = model.task, None, None
    if table is not None:
        check_trainable(task, "measuring each file on labelled data")
        examples = task.examples(table)
        size = len(next(iter(examples.values())))  # rows without a label are left out
        rows = np.linspace(0, size - 1, min(size, _GOLDEN_ROWS)).astype(int)
        few = {name: [values[row] for row in rows] for name, values in examples.items()}
    cases = golden.record(model, few, sorted({name for format in formats for name in of_files.get(format, (dtype,))}))
    with replace_folder(path, marker=GOLDEN) as folder:
        variants = []
        if "saved_model" in formats:
            served = model if dtype == "float32" or reload is None else reload(f"mixed_{dtype}")
            write_saved_model(served, folder / VERSION, xla_buckets=xla_buckets)
            variants.append(_saved_model(folder / VERSION, dtype))
        unserved = _write_task(model, cases, folder) if of_files else {}
        if "lite" in formats:
            from tfbert.export.lite import write_lite  # needs the extra `lite`

            known = [name for name in cases if name not in unserved]
            variants += write_lite(model, folder / "lite", of_files["lite"], known)
        if "onnx" in formats:
            from tfbert.export.onnx.files import write_onnx  # needs the extra `onnx`

            variants += write_onnx(model, folder / "onnx", of_files["onnx"], onnx_inputs)
        notes = tuple(f"signature {name} is not served from the files: {reason}" for name, reason in unserved.items())
        variants = [
            dataclasses.replace(variant, notes=(*variant.notes, *notes)) if variant.format in PRECISIONS else variant
            for variant in variants
        ]
        differences = [_checked(model, cases, variant, folder) for variant in variants]
        figures = measure.measure(model, variants, cases, examples)
        _write_shared(folder, model, cases, variants, differences)
        card = model_card.model_card(path.name, model, variants, differences, figures, cases)
        (folder / "README.md").write_text(card, encoding="utf-8")
        relative = [variant.path.relative_to(folder) for variant in variants]
    return [variant.moved(path / part) for variant, part in zip(variants, relative, strict=True)]


def _write_task(model, cases, folder):
    """Writes what `tfbert serve --engine=litert|onnx` needs; {signature: why it does not answer it}."""
    try:
        from tfbert.export.task_file import write_task
    except ConfigError as error:  # of ONNX alone, where LiteRT is not installed
        return dict.fromkeys(cases, str(error))
    saved_model = folder / VERSION
    reasons = write_task(model, cases, folder, saved_model if saved_model.exists() else None)
    return {name: reason for name, reason in reasons.items() if reason}


def _precisions(formats, chosen):
    """{format: precisions of its files}, of those with several."""
    known = {name for names in PRECISIONS.values() for name in names}
    if unknown := [name for name in chosen or () if name not in known]:
        raise ConfigError(f"there is no precision {unknown[0]!r} of files; {', '.join(sorted(known))} are")
    found = {}
    for format in formats:
        if format in PRECISIONS:
            found[format] = tuple(name for name in PRECISIONS[format] if chosen is None or name in chosen)
            if not found[format]:
                raise ConfigError(f"{format} has {', '.join(PRECISIONS[format])}, not {', '.join(chosen) or 'none'}")
    if chosen is not None and not found:
        raise ConfigError(f"precisions are those of {' and '.join(PRECISIONS)}, and {', '.join(formats)} has one dtype")
    return found


def _check_versions(path):
    """An export takes the place of the whole folder, and so refuses one with other versions of the model."""
    others = [part.name for part in path.glob("*") if part.name.isdecimal() and part.name != VERSION]
    if others:
        raise DiskError(
            f"{path} holds the versions {', '.join(sorted(others))} beside {VERSION}, which would be lost: name "
            f"another folder, or export another version alone with --out={path / str(max(map(int, others)) + 1)}"
        )


def _saved_model(folder, precision):
    """The `Variant` of a SavedModel, loaded as a server loads it."""
    loaded = tf.saved_model.load(str(folder))

    def asked(name):
        function = loaded.signatures[name]  # the loaded object must outlive it

        def ask(inputs):
            values = function(**{column: tf.constant(value) for column, value in inputs.items()})
            return {output: value.numpy() for output, value in values.items()}

        return ask

    signatures = {name: asked(name) for name in loaded.signatures}
    return Variant("saved_model", precision, folder, signatures, encode=signatures["encode_ids"])


def _checked(model, cases, variant, folder):
    """{signature: largest difference of numbers} of a variant; ExportError where its answers are not the model's."""
    try:
        return _differences(model, cases, variant, folder)
    except ExportError as error:
        hint = f"; `precisions` can leave out this file of {variant.format}" if variant.format in PRECISIONS else ""
        raise ExportError(f"{error}; nothing was written{hint}") from error


def _differences(model, cases, variant, folder):
    what = str(variant.path.relative_to(folder))
    differences = {}
    for name, case in cases.items():
        if variant.network is not None:
            outputs = variant.network(case.features)
            differences[name] = golden.check_outputs(f"{what}, ids of {name}", case, variant.precision, outputs)
            example = {column: tf.constant(values) for column, values in case.inputs.items()}
            outputs = model.task.as_head({output: tf.constant(values) for output, values in outputs.items()})
            answers = model.task.answer(example, model.task.features(example), outputs)
            answers = {key: value.numpy() for key, value in answers.items()}
            golden.check_answers(f"{what}, ids of {name}", case, variant.precision, answers)
        if name in variant.signatures:
            answers = variant.signatures[name](case.inputs)
            golden.check_answers(f"{what}, {name}", case, variant.precision, answers)
    if variant.encode is not None:
        case = next(iter(cases.values()))
        ids = {name: case.features[name][:_ENCODED] for name in model.encoder.input_names}
        expected, mask = model.encoder(ids, training=False), ids["padding_mask"][..., None] > 0
        for name, values in variant.encode(ids).items():
            wanted = np.asarray(expected[name])
            there = mask if values.ndim == 3 else True
            scale = np.abs(wanted).max(where=there, initial=0.0) or 1.0
            difference = float(np.abs(values - wanted).max(where=there, initial=0.0) / scale)
            differences["encode_ids"] = max(difference, differences.get("encode_ids", 0.0))
        if not differences["encode_ids"] <= golden.TOLERANCES[variant.precision]:
            raise ExportError(
                f"{what}, encode_ids: vectors differ by {differences['encode_ids']:.2g} of the largest number, more "
                f"than the {golden.TOLERANCES[variant.precision]:.2g} of {variant.precision}"
            )
    return differences


def _write_shared(folder, model, cases, variants, differences):
    task = model.task
    task.tokenizer.save(folder)
    values = {**task.hugging_face_config(), "tfbert": {**saved_as(task), "settings": task.settings()}}
    write_config(folder, model.encoder.config, task.hugging_face_head, values)
    if task.logit_names:
        (folder / "labels").write_text("".join(f"{name}\n" for name in task.logit_names), encoding="utf-8")
    write_json(
        folder / GOLDEN,
        {
            "task": task.name,
            "tolerances": golden.TOLERANCES,
            "cases": {name: case.to_json() for name, case in cases.items()},
            "checked": [
                {
                    "file": str(variant.path.relative_to(folder)),
                    "precision": variant.precision,
                    "largest_difference": difference,
                }
                for variant, difference in zip(variants, differences, strict=True)
            ],
        },
        indent=None,
    )
