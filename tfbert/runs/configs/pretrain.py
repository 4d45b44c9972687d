"""The typed configuration of a pretraining run."""

import dataclasses
from typing import Any

import ml_collections

from tfbert.errors import ConfigError
from tfbert.runs.configs.base import RunConfig, config_file
from tfbert.settings import check_choice

TASKS = ("fill_mask", "replaced_tokens")
OPTIMIZERS = ("adamw", "lamb")
AFTER_BLOW_UP = ("stop", "skip")

_ENCODER = {
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
}


@dataclasses.dataclass(frozen=True)
class PretrainConfig(RunConfig):
    """All that a run depends on. A file in configs/pretrain/ fills it, flags override it, the run folder keeps it.

    >>> PretrainConfig.from_dict({"data": "examples/*", "size": "small"}).steps
    100000
    """

    data: str = ""  # examples of `tfbert make-examples`
    dev: str = ""  # held-out examples; if empty, the last `dev_shards` shards of `data`
    dev_shards: int = 1
    out: str = ""  # the run folder

    init_from: str = ""  # a checkpoint to start from; random weights if empty
    unused_embeddings: bool = False  # take one whose embedding has more rows than the vocabulary has tokens
    task: str = "fill_mask"  # or replaced_tokens: what is learned
    settings: dict = dataclasses.field(default_factory=dict)  # of the task, such as generator_size
    size: str = "small"  # of random weights: a name that `EncoderConfig.of_size` knows
    encoder: dict = dataclasses.field(default_factory=lambda: dict(_ENCODER))  # of random weights, other sizes

    mask: str = "token"  # units of the masking: token, whole_word, ngram, span
    mask_rate: float = 0.15
    mask_longest: int = 0  # words of a unit at most; 0: the usual number
    max_predictions: int = 0  # of a row; 0: its share at the rows' full length

    steps: int = 100_000
    batch_size: int = 256
    accumulation: int = 1  # equal micro-batches of a batch, to bound memory
    optimizer: str = "adamw"  # or lamb
    learning_rate: float = 1e-4
    warmup: float = 0.01  # share of the steps
    power: float = 1.0  # of the decay's polynomial
    weight_decay: float = 0.01
    beta_2: float = 0.999
    epsilon: float = 1e-6
    clip_norm: float = 1.0
    dtype: str = "float32"  # or mixed_bfloat16, mixed_float16
    jit_compile: bool = False  # by XLA
    steps_per_execution: int = 1  # train steps per call to the device; raise it on TPU
    seed: int = 0

    evaluate_every: int = 1000  # steps between evaluations on held-out examples
    save_every: int = 500  # steps between checkpoints that a run resumes from
    log_every: int = 20  # steps between lines of metrics.jsonl
    keep_checkpoints: bool = False  # also when the run is finished, so that it can be made longer
    allow_changed_data: bool = False  # resume also where the data are others than the run began with
    peak_flops: float = 0.0  # that the device does in a second at most, to log the share used; 0: not logged
    blow_up: float = 3.0  # a loss above this many times the lowest so far has gone wrong
    after_blow_up: str = "stop"  # or skip: resume from the last checkpoint, without the batches since

    def __post_init__(self):
        self.check_numbers(
            positive=(
                *("steps", "batch_size", "accumulation"),
                *("evaluate_every", "save_every", "log_every", "power", "steps_per_execution"),
            ),
            not_negative=(
                *("learning_rate", "weight_decay", "clip_norm", "warmup", "peak_flops"),
                *("seed", "dev_shards", "max_predictions", "mask_longest"),
            ),
        )
        if self.batch_size % self.accumulation:
            raise ConfigError(f"accumulation {self.accumulation} does not divide batch_size {self.batch_size}")
        check_choice(self, "task", TASKS)
        check_choice(self, "optimizer", OPTIMIZERS)
        check_choice(self, "after_blow_up", AFTER_BLOW_UP)
        if self.blow_up <= 1:
            raise ConfigError(f"blow_up is a factor above 1, not {self.blow_up}")
        if not 0 < self.mask_rate < 1:
            raise ConfigError(f"mask_rate is a share between 0 and 1, not {self.mask_rate}")


def pretrain_config(**changes: Any) -> ml_collections.ConfigDict:
    """All settings with their defaults, for a config file to change. Other keys are refused.

    >>> config = pretrain_config(data="examples/*")
    >>> config.steps = 1000
    """
    return config_file(PretrainConfig, **changes)
