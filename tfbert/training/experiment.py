"""The typed configuration of a fine-tuning run."""

import dataclasses
import difflib

import ml_collections

from tfbert.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """All that a run depends on; a file in configs/ fills it, flags override it, the run folder keeps it.

    >>> FinetuneConfig.from_dict({"train": "train.tsv", "epochs": 2}).epochs
    2
    """

    task: str = "classification"
    checkpoint: str = ""  # a folder or a hub id
    train: str = ""  # a file or tfds:NAME
    dev: str = ""
    out: str = ""  # the run folder

    # the example: names of the columns where they are not text, text_pair, label
    text_column: str = ""
    text_pair_column: str = ""
    label_column: str = ""
    columns: dict = dataclasses.field(default_factory=dict)  # the same for any part of a task's example
    column_names: tuple[str, ...] = ()  # of a file without a header line
    format: str = ""  # of the files, where their suffix does not say it

    max_length: int = 128
    settings: dict = dataclasses.field(default_factory=dict)  # of the task, such as problem and labels

    epochs: int = 3
    batch_size: int = 32
    accumulation: int = 1  # parts of a batch, to bound memory
    learning_rate: float = 2e-5
    warmup: float = 0.1  # share of the steps
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    dtype: str = "float32"  # or mixed_bfloat16, mixed_float16
    seed: int = 0

    metric: str = ""  # of dev, chooses the best model; the task's first where empty
    score: tuple[str, ...] = ()  # metrics whose mean `tfbert suite` writes; `metric` where empty
    evaluate_every: int = 0  # steps between evaluations on dev; 0: at the end of each epoch
    patience: int = 0  # evaluations without a better one before the run stops; 0: never
    save_every: int = 500  # steps between checkpoints that a run resumes from
    log_every: int = 20  # steps between lines of metrics.jsonl

    def __post_init__(self):
        for name in ("epochs", "batch_size", "accumulation", "max_length", "save_every", "log_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("learning_rate", "weight_decay", "clip_norm", "warmup", "evaluate_every", "patience", "seed"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be negative, but is {getattr(self, name)}")
        if self.warmup > 1:
            raise ConfigError(f"warmup is a share of the steps, at most 1, not {self.warmup}")
        if self.dtype not in ("float32", "mixed_bfloat16", "mixed_float16"):
            raise ConfigError(f"dtype {self.dtype!r} is not float32, mixed_bfloat16 or mixed_float16")

    def require(self, *names):
        """Raises a ConfigError that names the settings that are still empty."""
        empty = [name for name in names if not getattr(self, name)]
        if empty:
            raise ConfigError(f"give {', '.join('--' + name for name in empty)}, or set it in the config")
        return self

    @property
    def all_columns(self):
        """Part of the example -> column, where a name was given."""
        names = {"text": self.text_column, "text_pair": self.text_pair_column, "label": self.label_column}
        return {**self.columns, **{part: name for part, name in names.items() if name}}

    def to_dict(self):
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Checks each key and type; an unknown key's error names the nearest."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        checked = {}
        for key, value in dict(values).items():
            if key not in fields:
                raise unknown_key(key, fields)
            checked[key] = _typed(key, value, fields[key].type)
        return cls(**checked)


def finetune_config(**changes):
    """All settings with their defaults, for a config file to change; it knows no other keys.

    >>> config = finetune_config(train="train.tsv")
    >>> config.epochs = 2
    """
    values = FinetuneConfig().to_dict()
    for key in changes:
        if key not in values:
            raise unknown_key(key, values)
    config = ml_collections.ConfigDict({**values, **changes})
    for name in ("settings", "columns"):
        config[name] = ml_collections.ConfigDict(changes.get(name, {}))
    config.lock()
    for name in ("settings", "columns"):
        config[name].unlock()  # each task has its own; the task checks them
    return config


def unknown_key(key, known):
    """The error for a setting that does not exist."""
    near = difflib.get_close_matches(key, list(known), 1)
    hint = f"did you mean {near[0]!r}?" if near else f"the settings are {', '.join(known)}"
    return ConfigError(f"unknown setting {key!r}; {hint}")


def _typed(key, value, kind):
    if kind == tuple[str, ...]:
        if isinstance(value, str) or not all(isinstance(part, str) for part in value):
            raise ConfigError(f"{key} must be a tuple of names, not {value!r}")
        return tuple(value)
    if kind is dict:
        return {name: tuple(part) if isinstance(part, list) else part for name, part in dict(value).items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{key} must be {kind.__name__}, not {value!r}")
    return value
