"""The row of ELECTRA in the table of families."""

from tfbert.encoders.electra import hugging_face
from tfbert.encoders.electra.config import ElectraConfig
from tfbert.encoders.electra.encoder import ElectraEncoder
from tfbert.encoders.families import Family

FAMILY = Family("electra", "ELECTRA", "Electra", ElectraConfig, ElectraEncoder, hugging_face.table)
