"""The row of ModernBERT in the table of families."""

from tfbert.encoders.families import Family
from tfbert.encoders.modernbert import hugging_face
from tfbert.encoders.modernbert.config import ModernBertConfig
from tfbert.encoders.modernbert.encoder import ModernBertEncoder

FAMILY = Family("modernbert", "ModernBERT", "ModernBert", ModernBertConfig, ModernBertEncoder, hugging_face.table)
