"""The rows of RoBERTa, XLM-RoBERTa and CamemBERT in the table of families."""

from tfbert.encoders.families import Family
from tfbert.encoders.roberta import hugging_face
from tfbert.encoders.roberta.config import CamembertConfig, RobertaConfig, XlmRobertaConfig
from tfbert.encoders.roberta.encoder import CamembertEncoder, RobertaEncoder, XlmRobertaEncoder

ROBERTA = Family("roberta", "RoBERTa", "Roberta", RobertaConfig, RobertaEncoder, hugging_face.table)
XLM_ROBERTA = Family(
    "xlm-roberta", "XLM-RoBERTa", "XLMRoberta", XlmRobertaConfig, XlmRobertaEncoder, hugging_face.table
)
CAMEMBERT = Family("camembert", "CamemBERT", "Camembert", CamembertConfig, CamembertEncoder, hugging_face.table)
