"""Fine-tunes a task from a checkpoint into a run folder; the same command resumes a run that was interrupted:

tfbert finetune --task=classification --checkpoint=DIR --train=train.tsv --dev=dev.tsv --out=runs/mine
tfbert finetune --config=configs/sst2.py --config.epochs=2 --checkpoint=DIR --out=runs/sst2
"""

import pathlib

from absl import flags

from tfbert import data, models
from tfbert.data.bad_rows import POLICIES
from tfbert.launch.config_flag import define_config
from tfbert.launch.strategy_flags import strategy_of_flags
from tfbert.runs.configs.finetune import FinetuneConfig

_CONFIG = define_config(
    str(pathlib.Path(__file__).with_name("default_config.py")),
    "A file of configs/, or one of your own; --config.NAME=VALUE changes a setting, --config.settings.NAME=VALUE one "
    "of the task.",
)
SETTINGS = tuple(FinetuneConfig().to_dict())
# Shorthands for the settings that differ in every run; all others are --config.NAME.
_SHORTHANDS = {
    "task": flags.DEFINE_string("task", None, "Task, such as classification, or module:Class for one of your own."),
    "checkpoint": flags.DEFINE_string("checkpoint", None, "Checkpoint folder or hub id."),
    "train": flags.DEFINE_string("train", None, "Training data: .tsv, .csv, .jsonl (or .gz), tfds:NAME:SPLIT."),
    "dev": flags.DEFINE_string("dev", None, "Labelled data to evaluate on; the model of the best evaluation is kept."),
    "out": flags.DEFINE_string("out", None, "Run folder."),
    "dtype": flags.DEFINE_string("dtype", None, "float32, mixed_bfloat16 or mixed_float16."),
    "text_column": flags.DEFINE_string("text_column", None, "Column of the text."),
    "text_pair_column": flags.DEFINE_string("text_pair_column", None, "Column of the second text."),
    "label_column": flags.DEFINE_string("label_column", None, "Column of the label."),
    "column_names": flags.DEFINE_list("column_names", None, "Names of the columns of a file without a header line."),
    "format": flags.DEFINE_string("format", None, "Format of the files, if their suffix does not say it."),
    "encoding": flags.DEFINE_string("encoding", None, "Encoding of the files, if it is not UTF-8: latin-1, utf-16, …."),
    "bad_rows": flags.DEFINE_enum(
        "bad_rows",
        None,
        POLICIES,
        "What to do with a row that cannot be used: error, or skip, which counts it and writes bad_rows.jsonl.",
    ),
}


def main(argv: list[str]) -> None:
    values = {name: flag.value for name, flag in _SHORTHANDS.items() if flag.value is not None}
    config = FinetuneConfig.from_dict({**_CONFIG.value.to_dict(), **values})
    config.require("checkpoint", "train", "dev", "out")

    import keras

    from tfbert.data.bad_rows import usable
    from tfbert.runs.finetune import batches_of, finetune
    from tfbert.runs.folder import check_run_folder, finished
    from tfbert.tasks.task import check_trainable
    from tfbert.training.strategy import is_chief

    strategy = strategy_of_flags()
    model_class = models.model_class(config.task)
    check_trainable(model_class.task_class, "tfbert finetune")

    as_written = {"column_names": config.column_names, "format": config.format or None, "bad_rows": config.bad_rows}
    as_written["encoding"] = config.encoding or None
    train_table, dev_table = (data.read(source, **as_written) for source in (config.train, config.dev))
    asked = {"max_length": config.max_length, "columns": config.all_columns, **config.settings}
    settings, train_table = usable(train_table, lambda table: model_class.task_class.settings_for(table, **asked))
    keras.utils.set_random_seed(config.seed)  # the new head's weights and dropout
    with strategy.scope():
        model = model_class.from_checkpoint(
            config.checkpoint, dtype=config.dtype, unused_embeddings=config.unused_embeddings, **settings
        )
    train_examples, train_table = usable(train_table, lambda table: model.task.examples(table, training=True))
    dev_examples, dev_table = usable(dev_table, model.task.examples)
    tables = {"train": train_table, "dev": dev_table}
    for table in tables.values():
        table.bad_rows.warn(len(table))
    if is_chief(strategy):
        check_run_folder(pathlib.Path(config.out), config)
        if finished(pathlib.Path(config.out), config):
            print(f"the run in {config.out} is finished; nothing is trained again")
    if model.load_report.missing:
        print(f"not in the checkpoint, trained from random: {', '.join(model.load_report.missing)}")

    train, dev = batches_of(train_examples, model, config), batches_of(dev_examples, model, config, shuffle=False)
    print(
        f"{len(train)} training and {len(dev)} dev examples, {train.steps_per_epoch} steps an epoch, "
        f"{train.lengths.mean():.1f} tokens an example",
        flush=True,
    )
    try:
        metrics = finetune(model, train, dev, config, tables)
    except KeyboardInterrupt:
        print(f"\n{config.out} is saved; the same command resumes from here", flush=True)
        raise
    if not is_chief(strategy):
        return
    print("  ".join(f"{name} {value:{'' if isinstance(value, int) else '.4f'}}" for name, value in metrics.items()))
    print(f"model, metrics and report.html are in {config.out}")
