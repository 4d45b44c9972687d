"""ELECTRA in KerasHub's presets: its tensors, and the names in its JSON files.

Source: keras_hub 0.32, src/models/electra. Its backbone computes GELU by tanh. It has a pooler with tanh, which
ELECTRA has not, and no head.
"""

from tfbert.encoders.bert.keras_hub import EMBEDDINGS, SIZES
from tfbert.encoders.electra.config import ElectraConfig
from tfbert.encoders.keras_hub import BLANK, Preset, block, dense
from tfbert.encoders.weight_table import Row, WeightTable

_ENCODER = (*EMBEDDINGS, *block("block_{i}", "layers/transformer_encoder{_i}"))


def _blank(name: str) -> dict[str, tuple[Row, ...]]:
    kernel, bias = dense("tanh_pooler", name)
    return {BLANK: (kernel._replace(shape="H H"), bias._replace(shape="H"))}


TABLE = WeightTable((*_ENCODER, *dense("projection", "layers/dense")), heads=_blank("layers/dense_1"))
_UNPROJECTED = WeightTable(_ENCODER, heads=_blank("layers/dense"))


def table(config: ElectraConfig) -> WeightTable:
    """The rows of a network of this configuration: layers are numbered, and not all have a projection."""
    return TABLE if config.is_projected else _UNPROJECTED


PRESET = Preset(
    class_prefix="Electra",
    module="electra",
    sizes={
        **{("vocab_size" if name == "vocabulary_size" else name): ours for name, ours in SIZES.items()},
        "embedding_dim": "embedding_size",
        "num_segments": "type_vocab_size",
    },
    constants={"hidden_act": "gelu_new", "layer_norm_eps": 1e-12},
    tasks=(),
)
