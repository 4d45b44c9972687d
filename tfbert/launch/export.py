"""Writes a trained model for servers, phones and other runtimes, checked against the model's own answers:

tfbert export --model=runs/mine --out=served/mine --formats=saved_model,lite,onnx --data=dev.tsv
tfbert export --model=runs/mine --out=served/mine/2     # a SavedModel alone, as one more version

An --out whose name is a number is a version: it gets a SavedModel and nothing else. Any other --out is the folder of
the model, which gets the --formats.
"""

import pathlib

from absl import flags, logging

from tfbert import models
from tfbert.cpu import description, has_bfloat16
from tfbert.errors import ConfigError
from tfbert.export.artifact import FORMATS
from tfbert.launch import model_flags

_OUT = flags.DEFINE_string(
    "out",
    None,
    "The model's folder, for --formats; or a version's, named by a number, for a SavedModel alone.",
    required=True,
)
_FORMATS = flags.DEFINE_list("formats", None, f"What to write into the model's folder: some of {', '.join(FORMATS)}.")
_PRECISIONS = flags.DEFINE_list("precisions", None, "Of the LiteRT and ONNX files: some of float32, float16, int8.")
_DATA = flags.DEFINE_string("data", None, "Labelled data to measure each precision on, for the model card.")
_DTYPE = flags.DEFINE_enum(
    "dtype", "float32", ["float32", "bfloat16"], "Of the SavedModel's matrix products and their weights."
)
_ONNX_INPUTS = flags.DEFINE_enum(
    "onnx_inputs",
    "tfbert",
    ["tfbert", "hugging_face"],
    "Names of the ONNX files' inputs: token_ids, segment_ids, padding_mask, int32; or input_ids, token_type_ids, "
    "attention_mask, int64, which programs for Hugging Face's files give.",
)
_XLA_BUCKETS = flags.DEFINE_boolean(
    "xla_buckets",
    False,
    "Compile the network with XLA, which published TF Serving lacks.",
)


def main(argv: list[str]) -> None:
    out = pathlib.Path(_OUT.value)
    is_version = out.name.isdecimal()
    if _FORMATS.value is None and not is_version:
        raise ConfigError(
            f"--out={out} must end with a version number, such as {out / '1'}, which servers look for; or name the "
            f"formats that go into {out}: --formats={','.join(FORMATS)}"
        )
    if _FORMATS.value is not None and is_version:
        raise ConfigError(
            f"--out={out} is one version; --formats go into the model's folder: --out={out.parent}, and the SavedModel "
            "into its 1/"
        )
    if _FORMATS.value is None and _DATA.value:
        raise ConfigError("--data is for the model card, which is written with --formats: name them")
    if _FORMATS.value is None and _PRECISIONS.value is not None:
        raise ConfigError("--precisions are those of the files that --formats writes: name them")

    from tfbert.export.folder import export
    from tfbert.export.saved_model.write import write_saved_model

    is_half = _DTYPE.value == "bfloat16"
    if is_half and not has_bfloat16():
        logging.warning(
            "this processor, %s, does not compute in bfloat16: a SavedModel in it answers several times more slowly "
            "than one in float32",
            description(),
        )
    model = models.load(model_flags.MODEL.value, dtype="mixed_bfloat16" if is_version and is_half else None)
    if is_version:
        write_saved_model(model, out, xla_buckets=_XLA_BUCKETS.value)
        print(f"{out}: serve it with tfbert serve --model={out.parent}")
        return
    model.set_task(model.task.with_columns(model_flags.columns(model.task)))
    variants = export(
        model,
        out,
        _FORMATS.value,
        precisions=_PRECISIONS.value,
        table=model_flags.read(_DATA.value) if _DATA.value else None,
        xla_buckets=_XLA_BUCKETS.value,
        dtype=_DTYPE.value,
        onnx_inputs=_ONNX_INPUTS.value,
        reload=lambda dtype: models.load(model_flags.MODEL.value, dtype=dtype),
    )
    for variant in variants:
        takes = ", ".join(sorted(variant.signatures)) or "ids alone"
        print(f"{variant.path}: {variant.precision}, {variant.size / 1e6:.1f} MB; {takes}")
    for note in dict.fromkeys(note for variant in variants for note in variant.notes):
        print(note)
    print(f"all answer as the model does; see {out / 'README.md'}")
