"""Google's TF1 checkpoint: bert_config.json, vocab.txt, bert_model.ckpt.{index,data-…}.

Source of the names: google-research/bert, modeling.py. Optimizer slots (adam_m, adam_v) and global_step
are in the file too and are not looked at.
"""

import pathlib

import tensorflow as tf

from tfbert.checkpoints.mapping import Row, Source
from tfbert.config import BertConfig, read_json_object
from tfbert.errors import CheckpointError

_LAYER, _BLOCK = "bert/encoder/layer_{i}", "block_{i}"

ENCODER = (
    Row("embeddings/token/embeddings", "bert/embeddings/word_embeddings", False),
    Row("embeddings/position/embeddings", "bert/embeddings/position_embeddings", False),
    Row("embeddings/segment/embeddings", "bert/embeddings/token_type_embeddings", False),
    Row("embeddings/layer_norm/gamma", "bert/embeddings/LayerNorm/gamma", False),
    Row("embeddings/layer_norm/beta", "bert/embeddings/LayerNorm/beta", False),
    Row(f"{_BLOCK}/attention/query/kernel", f"{_LAYER}/attention/self/query/kernel", False),
    Row(f"{_BLOCK}/attention/query/bias", f"{_LAYER}/attention/self/query/bias", False),
    Row(f"{_BLOCK}/attention/key/kernel", f"{_LAYER}/attention/self/key/kernel", False),
    Row(f"{_BLOCK}/attention/key/bias", f"{_LAYER}/attention/self/key/bias", False),
    Row(f"{_BLOCK}/attention/value/kernel", f"{_LAYER}/attention/self/value/kernel", False),
    Row(f"{_BLOCK}/attention/value/bias", f"{_LAYER}/attention/self/value/bias", False),
    Row(f"{_BLOCK}/attention/output/kernel", f"{_LAYER}/attention/output/dense/kernel", False),
    Row(f"{_BLOCK}/attention/output/bias", f"{_LAYER}/attention/output/dense/bias", False),
    Row(f"{_BLOCK}/attention_norm/gamma", f"{_LAYER}/attention/output/LayerNorm/gamma", False),
    Row(f"{_BLOCK}/attention_norm/beta", f"{_LAYER}/attention/output/LayerNorm/beta", False),
    Row(f"{_BLOCK}/feed_forward/intermediate/kernel", f"{_LAYER}/intermediate/dense/kernel", False),
    Row(f"{_BLOCK}/feed_forward/intermediate/bias", f"{_LAYER}/intermediate/dense/bias", False),
    Row(f"{_BLOCK}/feed_forward/output/kernel", f"{_LAYER}/output/dense/kernel", False),
    Row(f"{_BLOCK}/feed_forward/output/bias", f"{_LAYER}/output/dense/bias", False),
    Row(f"{_BLOCK}/output_norm/gamma", f"{_LAYER}/output/LayerNorm/gamma", False),
    Row(f"{_BLOCK}/output_norm/beta", f"{_LAYER}/output/LayerNorm/beta", False),
    Row("pooler/kernel", "bert/pooler/dense/kernel", False),
    Row("pooler/bias", "bert/pooler/dense/bias", False),
)

HEADS = {
    "predictions": (
        Row("predictions/transform/kernel", "cls/predictions/transform/dense/kernel", False),
        Row("predictions/transform/bias", "cls/predictions/transform/dense/bias", False),
        Row("predictions/layer_norm/gamma", "cls/predictions/transform/LayerNorm/gamma", False),
        Row("predictions/layer_norm/beta", "cls/predictions/transform/LayerNorm/beta", False),
        Row("predictions/output_bias", "cls/predictions/output_bias", False),
    ),
    "seq_relationship": (
        Row("seq_relationship/kernel", "cls/seq_relationship/output_weights", True),
        Row("seq_relationship/bias", "cls/seq_relationship/output_bias", False),
    ),
    "classifier": (  # run_classifier.py, create_model
        Row("classifier/kernel", "output_weights", True),
        Row("classifier/bias", "output_bias", False),
    ),
}


class GoogleTF1Source(Source):
    """A folder with bert_config.json and bert_model.ckpt.* (or one other *.ckpt*.index)."""

    encoder_table = ENCODER
    head_tables = HEADS

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.values = read_json_object(self.folder / "bert_config.json")
        self.config = BertConfig.from_file(self.folder / "bert_config.json")
        prefix = self._prefix()
        self.description = f"TF1 checkpoint {prefix}"
        try:
            self._reader = tf.train.load_checkpoint(str(prefix))
            self.shapes = {name: tuple(shape) for name, shape in self._reader.get_variable_to_shape_map().items()}
        except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
            raise CheckpointError(f"{self.description} cannot be opened: {_first_line(error)}") from None

    def _prefix(self):
        named = self.folder / "bert_model.ckpt"
        if named.with_name("bert_model.ckpt.index").exists():
            return named
        found = sorted(self.folder.glob("*.ckpt*.index"))
        if len(found) != 1:
            raise CheckpointError(
                f"{self.folder} must hold bert_model.ckpt.index; it holds "
                f"{[path.name for path in found] or 'no .ckpt.index file'}"
            )
        return found[0].with_suffix("")

    def read(self, name):
        try:
            return self._reader.get_tensor(name)
        except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
            raise CheckpointError(f"{self.description}: tensor {name} cannot be read: {_first_line(error)}") from None


def _first_line(error):
    return str(error).splitlines()[0] if str(error) else type(error).__name__
