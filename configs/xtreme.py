"""XTREME (Hu et al. 2020), sentence pairs: trained on English, measured on another language.

  tfbert finetune --config=configs/xtreme.py:xnli,de,XTREME/xnli --checkpoint=DIR --out=runs/xnli
  tfbert evaluate --model=runs/xnli --data=XTREME/xnli/dev-sw.tsv

task    training / dev rows  question                                       languages  score
xnli    392,702 / 2,490      does a premise entail a hypothesis             15         accuracy
pawsx    49,401 / 2,000      are two sentences paraphrases                  7          accuracy

The argument is TASK,LANGUAGE,FOLDER. The folder has XTREME's own files, train-en.tsv and dev-LANGUAGE.tsv, which have
no header line. The checkpoint must know the language: XLM-R, multilingual E5 or MiniLM, mmBERT, multilingual BERT. An
English one guesses elsewhere: MiniLM-L6 has 0.588 of English rows, 0.35 to 0.47 of others (benchmarks/RESULTS.md).
"""

from tfbert.errors import ConfigError
from tfbert.runs.configs.finetune import finetune_config

# task -> names of the columns, and the languages
TASKS = {
    "xnli": (
        ("premise", "hypothesis", "label"),
        ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
    ),
    "pawsx": (("sentence1", "sentence2", "label"), ("de", "en", "es", "fr", "ja", "ko", "zh")),
}

EXPERIMENTS = tuple(f"{task},{language}" for task, (_, languages) in TASKS.items() for language in languages)


def get_config(argument=""):
    """The experiment of "TASK,LANGUAGE", on files of the working folder, or of "TASK,LANGUAGE,FOLDER"."""
    task, _, rest = argument.partition(",")
    if task not in TASKS:
        raise ConfigError(f"write configs/xtreme.py:TASK,LANGUAGE; the tasks are {', '.join(TASKS)}, not {task!r}")
    columns, languages = TASKS[task]
    language, _, folder = rest.partition(",")
    if language not in languages:
        raise ConfigError(f"{task} has the languages {', '.join(languages)}, not {language!r}")
    return finetune_config(
        train=f"{folder or '.'}/train-en.tsv",
        dev=f"{folder or '.'}/dev-{language}.tsv",
        column_names=columns,
        text_column=columns[0],
        text_pair_column=columns[1],
        metric="accuracy",
        epochs=2,
        batch_size=32,
        learning_rate=2e-5,
    )
