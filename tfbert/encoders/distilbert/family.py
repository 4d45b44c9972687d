"""The row of DistilBERT in the table of families."""

import dataclasses

from tfbert.encoders.bert import family as bert
from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.distilbert import hugging_face
from tfbert.encoders.distilbert.config import DistilBertConfig
from tfbert.encoders.distilbert.encoder import DistilBertEncoder
from tfbert.encoders.families import Family, Form


def _as_bert(form: Form) -> Form:
    """A format of BERT, to which DistilBERT's weights are written with segment embeddings of 0."""

    def fitted(weights):
        return form.fitted(weights, BertConfig(**weights.config.to_dict()))

    return dataclasses.replace(form, fitted=fitted, is_read=False)


FORMS = {name: _as_bert(form) for name, form in bert.FORMS.items() if form.fitted is not None}
FORMS["hf_tf"] = Form(hugging_face.TF_TABLE)

FAMILY = Family(
    "distilbert", "DistilBERT", "DistilBert", DistilBertConfig, DistilBertEncoder, hugging_face.table, FORMS
)
