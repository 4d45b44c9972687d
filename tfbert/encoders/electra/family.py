"""The row of ELECTRA in the table of families."""

from tfbert.encoders.electra import hugging_face, keras_hub
from tfbert.encoders.electra.config import ElectraConfig
from tfbert.encoders.electra.encoder import ElectraEncoder
from tfbert.encoders.families import Family, Form

FORMS = {"keras_hub": Form(keras_hub.TABLE, keras_hub.PRESET, keras_hub.PRESET.fitted, table_of_config=keras_hub.table)}

FAMILY = Family("electra", "ELECTRA", "Electra", ElectraConfig, ElectraEncoder, hugging_face.table, FORMS)
