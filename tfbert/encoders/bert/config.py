"""BertConfig: the sizes of an encoder, read from Hugging Face's config.json or Google's bert_config.json."""

import dataclasses
import re

from tfbert.encoders.layers.activations import ACTIVATIONS
from tfbert.errors import ConfigError
from tfbert.files import read_json_object

# Variants of the network that read the same keys but compute something else.
_REQUIRED_VALUES = {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False}


# BERT's keys -> those of DistilBERT's config.json.
DISTILBERT_KEYS = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "classifier_dropout": "seq_classif_dropout",
}

# What DistilBERT's own code fixes; tfbert writes these of BERT's keys into a DistilBERT's config.json too.
_DISTILBERT_FIXES = {
    "pooler_act": "relu",
    "layer_norm_eps": 1e-12,
    "predictions_act": None,
    "predictions_layer_norm_eps": None,
}

# Layers and width of the models of Devlin et al. 2018 and Turc et al. 2019; heads are 64 wide.
SIZES = {
    "tiny": (2, 128),
    "mini": (4, 256),
    "small": (4, 512),
    "medium": (8, 512),
    "base": (12, 768),
    "large": (24, 1024),
}
_MINIATURE = re.compile(r"L-(2|4|6|8|10|12)_H-(128|256|512|768)")


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """Sizes and constants of BERT (Devlin et al. 2018, section 3), under Hugging Face's names.

    What other networks do otherwise: `type_vocab_size` 0 (no segments) and `pooler_act` "relu" make DistilBERT;
    `tie_word_embeddings` false gives the masked language model a decoder of its own; `predictions_act` and
    `predictions_layer_norm_eps` are that head's, where they are not the encoder's, as in KerasHub.

    Raises:
        ConfigError: a size that is not positive, heads that do not divide the width, an unknown activation.

    >>> BertConfig(hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=512).head_size
    64
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    classifier_dropout: float | None = None
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0
    pooler_act: str = "tanh"
    tie_word_embeddings: bool = True
    predictions_act: str | None = None
    predictions_layer_norm_eps: float | None = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is int and (isinstance(value, bool) or not isinstance(value, int)):
                raise ConfigError(f"{field.name} must be an integer, not {value!r}")
            if field.type is int and value < (field.name not in ("pad_token_id", "type_vocab_size")):
                raise ConfigError(f"{field.name} must be positive, not {value}")
            if field.type is float and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise ConfigError(f"{field.name} must be a number, not {value!r}")
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {self.num_attention_heads}"
            )
        for name in ("hidden_act", "pooler_act", "predictions_act"):
            value = getattr(self, name)
            if not (isinstance(value, str) and value in ACTIVATIONS or name == "predictions_act" and value is None):
                raise ConfigError(f"{name} {value!r} is not one of {sorted(ACTIVATIONS)}")

    @classmethod
    def of_size(cls, name, **changes):
        """A size by its name: tiny, mini, small, medium, base, large, or one of the 24 miniatures, as L-4_H-512.

        Source: google-research/bert, README, "Smaller BERT models".

        >>> BertConfig.of_size("small").num_attention_heads
        8
        """
        if match := _MINIATURE.fullmatch(name):
            layers, width = map(int, match.groups())
        elif name in SIZES:
            layers, width = SIZES[name]
        else:
            raise ConfigError(
                f"there is no size {name!r}; the sizes are {', '.join(SIZES)}, and L-x_H-y with x 2, 4, 6, 8, 10 or 12 "
                "and y 128, 256, 512 or 768"
            )
        sizes = {
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": width // 64,
            "intermediate_size": 4 * width,
        }
        return cls(**{**sizes, **changes})

    @property
    def head_size(self):
        return self.hidden_size // self.num_attention_heads

    def to_dict(self):
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Takes the keys it knows from a checkpoint's JSON; other keys belong to other readers."""
        if (kind := values.get("model_type", "bert")) == "distilbert":
            values = {**values, **_of_distilbert(values)}
        elif kind != "bert":
            raise ConfigError(f"model_type is {kind!r}; tfbert reads BERT checkpoints only")
        for key, required in _REQUIRED_VALUES.items():
            if values.get(key, required) != required:
                raise ConfigError(f"{key} is {values[key]!r}; tfbert supports {required!r} only")
        if values.get("pruned_heads"):
            raise ConfigError("pruned_heads names heads that are cut out; tfbert's layers have all of theirs")
        known = {field.name for field in dataclasses.fields(cls)}
        sizes = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
        missing = [key for key in sizes if key not in values]
        if missing:
            raise ConfigError(f"the configuration lacks {', '.join(missing)}")
        return cls(**{key: value for key, value in values.items() if key in known})

    def to_hugging_face(self):
        """The keys of config.json: those of DistilBERT where the network has no segments, else BERT's.

        Where such a network differs from DistilBERT, as by a pooler with tanh, tfbert alone computes it from its file.
        """
        values = self.to_dict()
        if self.type_vocab_size:
            return {"model_type": "bert", "position_embedding_type": "absolute", **values}
        theirs = {name: values[ours] for ours, name in DISTILBERT_KEYS.items()}
        kept = ("vocab_size", "max_position_embeddings", "initializer_range", "pad_token_id", "tie_word_embeddings")
        if self.classifier_dropout is None:  # BERT's, which is then the encoder's
            theirs["seq_classif_dropout"] = self.hidden_dropout_prob
        return {"model_type": "distilbert", **theirs, **{name: values[name] for name in (*kept, *_DISTILBERT_FIXES)}}

    @classmethod
    def from_file(cls, path):
        """Reads config.json or bert_config.json; errors name the file."""
        try:
            return cls.from_dict(read_json_object(path))
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None


def _of_distilbert(values):
    """DistilBERT's keys (Sanh et al. 2019) as BERT's: no segments, and ReLU between the pooler and the classifier."""
    # DistilBERT computes by 1e-12 whatever a file says of layer_norm_eps, unless tfbert wrote that file.
    fixed = {
        name: values.get(name, value) if "pooler_act" in values else value for name, value in _DISTILBERT_FIXES.items()
    }
    if values.get("sinusoidal_pos_embds") and "max_position_embeddings" not in values:
        raise ConfigError("sinusoidal_pos_embds without max_position_embeddings")
    found = {ours: values[theirs] for ours, theirs in DISTILBERT_KEYS.items() if theirs in values}
    return {**found, **fixed, "type_vocab_size": 0}
