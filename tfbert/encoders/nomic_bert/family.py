"""The row of NomicBERT in the table of families."""

from tfbert.encoders.families import Family
from tfbert.encoders.nomic_bert import hugging_face
from tfbert.encoders.nomic_bert.config import NomicBertConfig
from tfbert.encoders.nomic_bert.encoder import NomicBertEncoder

FAMILY = Family("nomic_bert", "NomicBERT", "NomicBert", NomicBertConfig, NomicBertEncoder, hugging_face.table)
