"""The row of BERT in the table of families."""

from tfbert.encoders.bert import google_tf1, hugging_face, keras_hub, model_garden
from tfbert.encoders.bert.config import BertConfig
from tfbert.encoders.bert.conversion import Target
from tfbert.encoders.bert.encoder import BertEncoder
from tfbert.encoders.families import Family, Form

_HEADS = ("predictions", "seq_relationship", "classifier", "qa_outputs")

FORMS = {
    "hf_tf": Form(hugging_face.TF_TABLE),
    "tf1": Form(
        google_tf1.TABLE,
        google_tf1.GoogleForm(google_tf1.ACTIVATIONS),
        Target("Google's BERT", google_tf1.ACTIVATIONS.values(), _HEADS).fitted,
    ),
    "model_garden": Form(
        model_garden.TABLE,
        google_tf1.GoogleForm(model_garden.ACTIVATIONS),
        Target("Model Garden", model_garden.ACTIVATIONS.values(), _HEADS).fitted,
    ),
    "keras_hub": Form(
        keras_hub.TABLE,
        keras_hub.PRESET,
        keras_hub.PRESET.fitted,
    ),
}

FAMILY = Family("bert", "BERT", "Bert", BertConfig, BertEncoder, hugging_face.table, FORMS)
