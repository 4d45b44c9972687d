"""RoBERTa's tensors in Hugging Face's files, with the shapes of all variables; XLM-RoBERTa and CamemBERT have the same.

Source of the names: transformers/models/roberta/modeling_roberta.py. It has no seq_relationship or tag_transitions;
here they have BERT's names.
"""

import dataclasses

from tfbert.encoders.bert import hugging_face as bert
from tfbert.encoders.roberta.config import RobertaConfig
from tfbert.encoders.weight_table import TRANSPOSED, Row, WeightTable

_CLASSIFIES = "SequenceClassification"

# Other families have these names, too.
CLASSIFIER_POOLER = (
    Row("pooler/kernel", "classifier.dense.weight", TRANSPOSED, shape="H H", of=_CLASSIFIES, outside=True),
    Row("pooler/bias", "classifier.dense.bias", shape="H", of=_CLASSIFIES, outside=True),
)
CLASSIFIER = (
    Row("classifier/kernel", "classifier.out_proj.weight", TRANSPOSED, of=_CLASSIFIES),
    Row("classifier/bias", "classifier.out_proj.bias", of=_CLASSIFIES),
    *bert.HEADS["classifier"],
)
PREDICTIONS = (
    Row("predictions/transform/kernel", "lm_head.dense.weight", TRANSPOSED, shape="H H"),
    Row("predictions/transform/bias", "lm_head.dense.bias", shape="H"),
    Row("predictions/layer_norm/gamma", "lm_head.layer_norm.weight", shape="H"),
    Row("predictions/layer_norm/beta", "lm_head.layer_norm.bias", shape="H"),
    Row("predictions/output_bias", "lm_head.bias", shape="V"),
    Row("predictions/output_bias", "lm_head.decoder.bias", shape="V", is_written=False),
)
_DECODER = Row("predictions/decoder/embeddings", "lm_head.decoder.weight", shape="V H")

_TIED = WeightTable(
    encoder=bert.ENCODER,
    pooler=(*CLASSIFIER_POOLER, *bert.POOLER),
    heads={**bert.HEADS, "predictions": PREDICTIONS, "classifier": CLASSIFIER},
    prefix="roberta.",
)
_UNTIED = dataclasses.replace(_TIED, heads={**_TIED.heads, "predictions": (*PREDICTIONS, _DECODER)})


def table(config: RobertaConfig) -> WeightTable:
    """The rows of a network of this configuration."""
    return _TIED if config.tie_word_embeddings else _UNTIED
