"""The row of DeBERTa-v2 and -v3 in the table of families."""

from tfbert.encoders.deberta import hugging_face, keras_hub
from tfbert.encoders.deberta.config import DebertaV2Config
from tfbert.encoders.deberta.encoder import DebertaV2Encoder
from tfbert.encoders.families import Family, Form

FORMS = {"keras_hub": Form(keras_hub.TABLE, keras_hub.PRESET, keras_hub.fitted)}

FAMILY = Family("deberta-v2", "DeBERTa-v2", "DebertaV2", DebertaV2Config, DebertaV2Encoder, hugging_face.table, FORMS)
