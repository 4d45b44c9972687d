"""The row of ALBERT in the table of families."""

from tfbert.encoders.albert import hugging_face
from tfbert.encoders.albert.config import AlbertConfig
from tfbert.encoders.albert.encoder import AlbertEncoder
from tfbert.encoders.families import Family

FAMILY = Family("albert", "ALBERT", "Albert", AlbertConfig, AlbertEncoder, hugging_face.table)
