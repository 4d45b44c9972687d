"""The row of ALBERT in the table of families."""

from tfbert.encoders.albert import hugging_face, keras_hub
from tfbert.encoders.albert.config import AlbertConfig
from tfbert.encoders.albert.encoder import AlbertEncoder
from tfbert.encoders.families import Family, Form

FORMS = {"keras_hub": Form(keras_hub.TABLE, keras_hub.PRESET, keras_hub.PRESET.fitted)}

FAMILY = Family("albert", "ALBERT", "Albert", AlbertConfig, AlbertEncoder, hugging_face.table, FORMS)
