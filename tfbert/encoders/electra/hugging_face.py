"""ELECTRA's tensors in Hugging Face's files, with the shapes of all variables.

Source of the names: transformers/models/electra/modeling_electra.py. It has no seq_relationship or tag_transitions;
here they have BERT's names.
"""

import dataclasses

from tfbert.encoders.bert import hugging_face as bert
from tfbert.encoders.electra.config import ElectraConfig
from tfbert.encoders.roberta.hugging_face import CLASSIFIER, CLASSIFIER_POOLER
from tfbert.encoders.weight_table import TRANSPOSED, Row, WeightTable

_CHOOSES, _REPLACED = "MultipleChoice", "discriminator_predictions"

_PROJECTION = (
    Row("projection/kernel", "embeddings_project.weight", TRANSPOSED, shape="E H"),
    Row("projection/bias", "embeddings_project.bias", shape="H"),
)
_EMBEDDINGS = tuple(
    row._replace(shape=row.shape.replace("H", "E")) if row.variable.startswith("embeddings/") else row
    for row in bert.ENCODER
)
_DECODER = Row("predictions/decoder/embeddings", "generator_lm_head.weight", shape="V E")

_TIED = WeightTable(
    encoder=_EMBEDDINGS,
    pooler=(
        *CLASSIFIER_POOLER,
        Row("pooler/kernel", "sequence_summary.summary.weight", TRANSPOSED, shape="H H", of=_CHOOSES, outside=True),
        Row("pooler/bias", "sequence_summary.summary.bias", shape="H", of=_CHOOSES, outside=True),
    ),
    heads={
        **bert.HEADS,
        "predictions": (
            Row("predictions/transform/kernel", "generator_predictions.dense.weight", TRANSPOSED, shape="H E"),
            Row("predictions/transform/bias", "generator_predictions.dense.bias", shape="E"),
            Row("predictions/layer_norm/gamma", "generator_predictions.LayerNorm.weight", shape="E"),
            Row("predictions/layer_norm/beta", "generator_predictions.LayerNorm.bias", shape="E"),
            Row("predictions/output_bias", "generator_lm_head.bias", shape="V"),
        ),
        "classifier": CLASSIFIER,
        _REPLACED: (
            Row(f"{_REPLACED}/transform/kernel", f"{_REPLACED}.dense.weight", TRANSPOSED, shape="H H"),
            Row(f"{_REPLACED}/transform/bias", f"{_REPLACED}.dense.bias", shape="H"),
            Row(f"{_REPLACED}/score/kernel", f"{_REPLACED}.dense_prediction.weight", TRANSPOSED, shape="H 1"),
            Row(f"{_REPLACED}/score/bias", f"{_REPLACED}.dense_prediction.bias", shape="1"),
        ),
    },
    prefix="electra.",
)


def table(config: ElectraConfig) -> WeightTable:
    """The rows of a network of this configuration."""
    is_projected = config.embedding_size != config.hidden_size
    predictions = _TIED.heads["predictions"]
    return dataclasses.replace(
        _TIED,
        encoder=(*_EMBEDDINGS, *(_PROJECTION if is_projected else ())),
        heads={
            **_TIED.heads,
            "predictions": predictions if config.tie_word_embeddings else (*predictions, _DECODER),
        },
    )
