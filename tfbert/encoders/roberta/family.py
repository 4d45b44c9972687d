"""The rows of RoBERTa, XLM-RoBERTa and CamemBERT in the table of families."""

from tfbert.encoders.families import Family, Form
from tfbert.encoders.roberta import hugging_face, keras_hub
from tfbert.encoders.roberta.config import CamembertConfig, RobertaConfig, XlmRobertaConfig
from tfbert.encoders.roberta.encoder import CamembertEncoder, RobertaEncoder, XlmRobertaEncoder

_TABLE, _PRESET, _XLM_PRESET = keras_hub.TABLE, keras_hub.ROBERTA, keras_hub.XLM_ROBERTA
FORMS = {"keras_hub": Form(_TABLE, _PRESET, _PRESET.fitted)}
XLM_FORMS = {"keras_hub": Form(_TABLE, _XLM_PRESET, _XLM_PRESET.fitted)}

ROBERTA = Family("roberta", "RoBERTa", "Roberta", RobertaConfig, RobertaEncoder, hugging_face.table, FORMS)
XLM_ROBERTA = Family(
    "xlm-roberta",
    "XLM-RoBERTa",
    "XLMRoberta",
    XlmRobertaConfig,
    XlmRobertaEncoder,
    hugging_face.table,
    XLM_FORMS,
)
CAMEMBERT = Family("camembert", "CamemBERT", "Camembert", CamembertConfig, CamembertEncoder, hugging_face.table)
