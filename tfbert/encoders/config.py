"""What the configurations of all families share."""

import dataclasses
import math
import re
import typing
from typing import Any, ClassVar

from tfbert.encoders.config_keys import check_keys
from tfbert.encoders.layers.activations import ACTIVATIONS
from tfbert.errors import ConfigError
from tfbert.files import read_json_object
from tfbert.settings import check_choice, check_not_negative, check_positive, check_types

_NEEDED = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
_ENCODER_ONLY = {"is_decoder": False, "is_encoder_decoder": False, "add_cross_attention": False}

# Layers and width of the models of Devlin et al. 2018 and Turc et al. 2019; heads are 64 wide.
SIZES = {
    "tiny": (2, 128),
    "mini": (4, 256),
    "small": (4, 512),
    "medium": (8, 512),
    "base": (12, 768),
    "large": (24, 1024),
}
_LARGEST_SIZE = 2**31 - 1
_MINIATURE = re.compile(r"L-(2|4|6|8|10|12)_H-(128|256|512|768)")


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Sizes and constants of an encoder, under the names that Hugging Face's BERT gives them.

    A family adds its own fields, and gives in `other_names` the keys that its config.json has for these.

    `tie_word_embeddings` False gives the masked language model a decoder of its own. `predictions_act` and
    `predictions_layer_norm_eps` are set if that head's differ from the encoder's, as in KerasHub.

    Raises:
        ConfigError: a size that is not positive, heads that do not divide the width, an unknown activation; a rate
            outside of 0 to 1; an epsilon that is not positive, NaN or infinite.
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
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0
    pooler_act: str = "tanh"
    tie_word_embeddings: bool = True
    predictions_act: str | None = None
    predictions_layer_norm_eps: float | None = None

    model_type: ClassVar[str]
    other_names: ClassVar[dict[str, str]] = {}  # field -> the family's key in config.json
    harmless_keys: ClassVar[tuple[str, ...]] = ()  # of config.json, which change no number of this family
    required_values: ClassVar[dict[str, Any]] = {}  # key of config.json -> the only value that the network supports

    def __post_init__(self):
        check_types(self, "the configuration")
        sizes = [field.name for field in dataclasses.fields(self) if field.type is int]
        check_positive(self, *(name for name in sizes if name != "pad_token_id"))
        check_not_negative(self, "pad_token_id", "initializer_range")
        for name in sizes:
            if getattr(self, name) > _LARGEST_SIZE:
                raise ConfigError(f"{name} must be at most {_LARGEST_SIZE:,}, not {getattr(self, name):,}")
        for name in ("layer_norm_eps", "predictions_layer_norm_eps", "initializer_range"):
            value = getattr(self, name)
            if value is not None and not (value > 0 or name == "initializer_range") or value == math.inf:
                raise ConfigError(f"{name} must be a positive number, not {value}")
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:  # which NaN is not
                raise ConfigError(f"{name} must be from 0 to 1, not {value}")
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {self.num_attention_heads}"
            )
        check_choice(self, "hidden_act", ACTIVATIONS)
        check_choice(self, "pooler_act", ACTIVATIONS)
        if self.predictions_act is not None:
            check_choice(self, "predictions_act", ACTIVATIONS)

    @classmethod
    def of_size(cls, name: str, **changes: Any) -> typing.Self:
        """A size by its name: tiny, mini, small, medium, base, large, or one of the 24 miniatures, such as L-4_H-512.

        Source: google-research/bert, README, "Smaller BERT models".

        >>> tfbert.BertConfig.of_size("small").num_attention_heads
        8
        """
        if match := _MINIATURE.fullmatch(name):
            layers, width = map(int, match.groups())
        elif name in SIZES:
            layers, width = SIZES[name]
        else:
            raise ConfigError(
                f"there is no size {name!r}; the sizes are {', '.join(SIZES)}, and L-x_H-y with x = 2, 4, 6, 8, 10 or "
                "12 and y = 128, 256, 512 or 768"
            )
        sizes = {
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": width // 64,
            "intermediate_size": 4 * width,
        }
        return cls(**{**sizes, **changes})

    def scaled(self, share: float) -> typing.Self:
        """As many layers with a share of the width, of the heads and of the feed-forward width; embeddings stay.

        Raises:
            ConfigError: the share is not above 0 and at most 1, or leaves no whole number of heads of this width.

        >>> tfbert.BertConfig.of_size("base").scaled(0.25).num_attention_heads
        3
        """
        if not 0 < share <= 1:
            raise ConfigError(f"a share of the encoder's size is above 0 and at most 1, not {share}")
        sizes = {name: getattr(self, name) for name in ("hidden_size", "intermediate_size", "num_attention_heads")}
        found = {name: max(1, round(share * size)) for name, size in sizes.items()}
        if found["hidden_size"] % found["num_attention_heads"]:
            raise ConfigError(
                f"{share:g} of hidden_size {self.hidden_size} and of {self.num_attention_heads} attention heads are "
                f"{found['hidden_size']} and {found['num_attention_heads']}, which do not divide; take another share"
            )
        return dataclasses.replace(self, **found)

    @property
    def head_size(self) -> int:
        """D, the width of an attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def embedding_width(self) -> int:
        """E, the width of the token embedding: H, unless the family projects it to H."""
        return self.hidden_size

    @property
    def is_projected(self) -> bool:
        """Whether a dense layer leads from the token embedding's width E to H."""
        return self.embedding_width != self.hidden_size

    @property
    def max_tokens(self) -> int:
        """The largest number of tokens in a row, special tokens included."""
        return self.max_position_embeddings

    @property
    def dimensions(self) -> dict[str, int]:
        """The size for each letter of the weight table's shapes."""
        return {
            "V": self.vocab_size,
            "E": self.embedding_width,
            "H": self.hidden_size,
            "I": self.intermediate_size,
            "P": self.max_position_embeddings,
            "1": 1,
            "2": 2,
        }

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values; `from_dict` reads them back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> typing.Self:
        """Reads the fields from the object of a config.json.

        Raises:
            ConfigError: a key is missing, has a value that the network does not support, or is one of which tfbert
                does not know what it does to the network.
        """
        if (kind := values.get("model_type", cls.model_type)) != cls.model_type:
            raise ConfigError(f"model_type is {kind!r}; {cls.__name__} reads {cls.model_type!r}")
        required_values = {**_ENCODER_ONLY, **cls.required_values}
        for key, required in required_values.items():
            if values.get(key, required) != required:
                raise ConfigError(f"{key} is {values[key]!r}; tfbert supports {required!r} only")
        if values.get("pruned_heads"):
            raise ConfigError("pruned_heads names heads that are cut out; tfbert needs all heads of a layer")
        found = {**values, **{ours: values[theirs] for ours, theirs in cls.other_names.items() if theirs in values}}
        missing = [key for key in _NEEDED if key not in found]
        if missing:
            raise ConfigError(f"the configuration lacks {', '.join(missing)}")
        known = {field.name for field in dataclasses.fields(cls)}
        check_keys(values, (*known, *required_values, *cls.other_names.values(), *cls.harmless_keys))
        return cls(**{key: value for key, value in found.items() if key in known})

    @classmethod
    def from_file(cls, path: Any) -> typing.Self:
        """Reads config.json or bert_config.json; errors name the file."""
        try:
            return cls.from_dict(read_json_object(path))
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None

    def to_hugging_face(self) -> dict[str, Any]:
        """The keys of config.json, `model_type` first."""
        raise NotImplementedError
