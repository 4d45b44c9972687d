"""The row of MPNet in the table of families."""

from tfbert.encoders.families import Family
from tfbert.encoders.mpnet import hugging_face
from tfbert.encoders.mpnet.config import MPNetConfig
from tfbert.encoders.mpnet.encoder import MPNetEncoder

FAMILY = Family("mpnet", "MPNet", "MPNet", MPNetConfig, MPNetEncoder, hugging_face.table)
