"""The typed configuration of a fine-tuning run."""

import dataclasses
from typing import Any

import ml_collections

from tfbert.data.bad_rows import POLICIES
from tfbert.runs.configs.base import RunConfig, config_file
from tfbert.settings import check_choice


@dataclasses.dataclass(frozen=True)
class FinetuneConfig(RunConfig):
    """All that a run depends on. A file in configs/ fills it, flags override it, the run folder keeps it.

    >>> FinetuneConfig.from_dict({"train": "train.tsv", "epochs": 2}).epochs
    2
    """

    task: str = "classification"
    checkpoint: str = ""  # a folder or a hub id
    train: str = ""  # a file or tfds:NAME
    dev: str = ""
    out: str = ""  # the run folder

    # columns of the example, if they are not called text, text_pair and label
    text_column: str = ""
    text_pair_column: str = ""
    label_column: str = ""
    columns: dict = dataclasses.field(default_factory=dict)  # {part of the task's example: column}, for any part
    column_names: tuple[str, ...] = ()  # of a file without a header line
    format: str = ""  # of the files, if their suffix does not say it
    encoding: str = ""  # of text files that are not UTF-8
    bad_rows: str = "error"  # what a row that cannot be used is; or skip: it is left out and counted

    max_length: int = 128
    unused_embeddings: bool = False  # take an embedding with more rows than the vocabulary has tokens
    settings: dict = dataclasses.field(default_factory=dict)  # of the task, such as problem and labels

    epochs: int = 3
    batch_size: int = 32
    accumulation: int = 1  # micro-batches of a batch, to bound memory
    learning_rate: float = 2e-5
    warmup: float = 0.1  # share of the steps
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    dtype: str = "float32"  # or mixed_bfloat16, mixed_float16
    static_shapes: bool = False  # all batches of one shape, max_length tokens long; always so on TPU and with XLA
    jit_compile: bool = False  # by XLA
    steps_per_execution: int = 1  # train steps per call to the device; raise it on TPU
    seed: int = 0

    metric: str = ""  # of dev, which chooses the best model; the task's first if empty
    score: tuple[str, ...] = ()  # metrics whose mean `tfbert suite` writes; `metric` if empty
    evaluate_every: int = 0  # steps between evaluations on dev; 0: at the end of each epoch
    patience: int = 0  # evaluations without a better one before the run stops; 0: never
    save_every: int = 500  # steps between checkpoints that a run resumes from
    log_every: int = 20  # steps between lines of metrics.jsonl
    keep_checkpoints: bool = False  # also when the run is finished, so that it can be made longer
    allow_changed_data: bool = False  # resume also where the data are others than the run began with

    def __post_init__(self):
        self.check_numbers(
            positive=(
                "epochs",
                "batch_size",
                "accumulation",
                "max_length",
                "save_every",
                "log_every",
                "steps_per_execution",
            ),
            not_negative=(
                *("learning_rate", "weight_decay", "clip_norm", "warmup"),
                *("evaluate_every", "patience", "seed"),
            ),
        )
        check_choice(self, "bad_rows", POLICIES)

    @property
    def all_columns(self) -> dict[str, str]:
        """{part of the example: column}, of those that were given."""
        names = {"text": self.text_column, "text_pair": self.text_pair_column, "label": self.label_column}
        return {**self.columns, **{part: name for part, name in names.items() if name}}


def finetune_config(**changes: Any) -> ml_collections.ConfigDict:
    """All settings with their defaults, for a config file to change. Other keys are refused.

    >>> config = finetune_config(train="train.tsv")
    >>> config.epochs = 2
    """
    return config_file(FinetuneConfig, **changes)
