"""The Hugging Face folder: config.json, vocab.txt, model.safetensors. No PyTorch.

Source of the names: transformers/models/bert/modeling_bert.py.
"""

import json
import pathlib

import safetensors
import safetensors.numpy

from tfbert.checkpoints.mapping import Row, Source, expand, relative_variables, tensors_to_write
from tfbert.config import BertConfig, read_json_object
from tfbert.errors import CheckpointError

_LAYER, _BLOCK = "encoder.layer.{i}", "block_{i}"

ENCODER = (
    Row("embeddings/token/embeddings", "embeddings.word_embeddings.weight", False),
    Row("embeddings/position/embeddings", "embeddings.position_embeddings.weight", False),
    Row("embeddings/segment/embeddings", "embeddings.token_type_embeddings.weight", False),
    Row("embeddings/layer_norm/gamma", "embeddings.LayerNorm.weight", False),
    Row("embeddings/layer_norm/beta", "embeddings.LayerNorm.bias", False),
    Row(f"{_BLOCK}/attention/query/kernel", f"{_LAYER}.attention.self.query.weight", True),
    Row(f"{_BLOCK}/attention/query/bias", f"{_LAYER}.attention.self.query.bias", False),
    Row(f"{_BLOCK}/attention/key/kernel", f"{_LAYER}.attention.self.key.weight", True),
    Row(f"{_BLOCK}/attention/key/bias", f"{_LAYER}.attention.self.key.bias", False),
    Row(f"{_BLOCK}/attention/value/kernel", f"{_LAYER}.attention.self.value.weight", True),
    Row(f"{_BLOCK}/attention/value/bias", f"{_LAYER}.attention.self.value.bias", False),
    Row(f"{_BLOCK}/attention/output/kernel", f"{_LAYER}.attention.output.dense.weight", True),
    Row(f"{_BLOCK}/attention/output/bias", f"{_LAYER}.attention.output.dense.bias", False),
    Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}.attention.output.LayerNorm.weight", False),
    Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}.attention.output.LayerNorm.bias", False),
    Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_LAYER}.intermediate.dense.weight", True),
    Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_LAYER}.intermediate.dense.bias", False),
    Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_LAYER}.output.dense.weight", True),
    Row(f"{_BLOCK}/feed_forward/output/bias", f"{_LAYER}.output.dense.bias", False),
    Row(f"{_BLOCK}/output_norm/gamma", f"{_LAYER}.output.LayerNorm.weight", False),
    Row(f"{_BLOCK}/output_norm/beta", f"{_LAYER}.output.LayerNorm.bias", False),
    Row("pooler/kernel", "pooler.dense.weight", True),
    Row("pooler/bias", "pooler.dense.bias", False),
)

HEADS = {
    "predictions": (  # the decoder's weight is the token embedding
        Row("predictions/transform/kernel", "cls.predictions.transform.dense.weight", True),
        Row("predictions/transform/bias", "cls.predictions.transform.dense.bias", False),
        Row("predictions/layer_norm/gamma", "cls.predictions.transform.LayerNorm.weight", False),
        Row("predictions/layer_norm/beta", "cls.predictions.transform.LayerNorm.bias", False),
        Row("predictions/output_bias", "cls.predictions.bias", False),
    ),
    "seq_relationship": (
        Row("seq_relationship/kernel", "cls.seq_relationship.weight", True),
        Row("seq_relationship/bias", "cls.seq_relationship.bias", False),
    ),
    "classifier": (
        Row("classifier/kernel", "classifier.weight", True),
        Row("classifier/bias", "classifier.bias", False),
    ),
    "qa_outputs": (
        Row("qa_outputs/kernel", "qa_outputs.weight", True),
        Row("qa_outputs/bias", "qa_outputs.bias", False),
    ),
}


class HuggingFaceSource(Source):
    """A folder with config.json and model.safetensors, its encoder with or without the `bert.` prefix."""

    head_tables = HEADS

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.description = f"Hugging Face folder {self.folder}"
        self.values = read_json_object(self.folder / "config.json")
        self.config = BertConfig.from_file(self.folder / "config.json")
        self._path = self.folder / "model.safetensors"
        try:
            self._file = safetensors.safe_open(self._path, framework="numpy")
            # Old files say gamma and beta, new ones weight and bias.
            self._stored = {
                name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias"): name
                for name in self._file.keys()  # noqa: SIM118 - no mapping, it has keys() only
            }
            self.shapes = {
                name: tuple(self._file.get_slice(stored).get_shape()) for name, stored in self._stored.items()
            }
        except (safetensors.SafetensorError, OSError) as error:
            raise CheckpointError(f"{self._path} is truncated or no safetensors file: {error}") from None
        prefix = "bert." if any(name.startswith("bert.") for name in self.shapes) else ""
        self.encoder_table = tuple(Row(row.variable, prefix + row.tensor, row.transposed) for row in ENCODER)

    def read(self, name):
        try:
            return self._file.get_tensor(self._stored[name])
        except (safetensors.SafetensorError, TypeError) as error:
            raise CheckpointError(f"{self._path}: tensor {name} cannot be read: {error}") from None


def write_folder(folder, encoder, heads, values):
    """Writes config.json and model.safetensors into an existing folder.

    Args:
        heads: {name in `HEADS`: built layer}.
        values: further keys of config.json (architectures, id2label, …).
    """
    config = {
        "model_type": "bert",
        "position_embedding_type": "absolute",
        **encoder.config.to_dict(),
        **values,
    }
    text = json.dumps(config, indent=2, ensure_ascii=False)
    (pathlib.Path(folder) / "config.json").write_text(text + "\n", encoding="utf-8")
    tensors = {
        f"bert.{name}": value
        for name, value in tensors_to_write(
            relative_variables(encoder), expand(ENCODER, encoder.config.num_hidden_layers)
        )
    }
    for name, layer in heads.items():
        variables = {f"{name}/{path}": variable for path, variable in relative_variables(layer).items()}
        tensors.update(tensors_to_write(variables, HEADS[name]))
    path = pathlib.Path(folder) / "model.safetensors"
    try:
        # transformers refuses a file without this metadata
        safetensors.numpy.save_file(tensors, path, metadata={"format": "pt"})
    except safetensors.SafetensorError as error:  # it wraps the operating system's error (disk full)
        raise OSError(str(error)) from error
    # safetensors writes for the owner alone; a server may run as somebody else
    path.chmod((path.parent / "config.json").stat().st_mode)
