"""GLUE (Wang et al. 2019): nine tasks in one file; the argument after the colon names the task.

  tfbert finetune --config=configs/glue.py:sst2 --checkpoint=DIR --out=runs/sst2
  tfbert finetune --config=configs/glue.py:sst2,GLUE_DIR --checkpoint=DIR --out=runs/sst2
  tfbert suite --configs='configs/glue.py:*' --checkpoint=DIR --out=runs/glue

The data is TFDS' copy, or the published files in the folders of GLUE_DIR (CoLA/train.tsv, CoLA/dev.tsv, …).

task  training / dev rows  question                                          score
cola      8,551 /  1,043   is a sentence acceptable English                  Matthews correlation
mnli    392,702 /  9,815   does a premise entail a hypothesis                accuracy on matched pairs
mrpc      3,668 /    408   are two sentences paraphrases                     mean of F1 and accuracy
qnli    104,743 /  5,463   does a sentence hold the answer to a question     accuracy
qqp     363,846 / 40,430   do two questions ask the same                     mean of F1 and accuracy
rte       2,490 /    277   does a text entail a sentence                     accuracy
sst2     67,349 /    872   is a film review positive                         accuracy
stsb      5,749 /  1,500   how similar are two sentences, from 0 to 5        mean of both correlations
wnli        635 /     71   what does a pronoun refer to                      accuracy

WNLI's dev pairs are training pairs with the other label; 0.56 is the share of its most common label.
MiniLM-L6 on CoLA: 0.2515 +- 0.0138, on MRPC: 0.8037 +- 0.0086, each 5 to 10 minutes on one CPU core.
"""

from tfbert.errors import ConfigError
from tfbert.runs.configs.finetune import finetune_config

SENTENCES = {"text_column": "sentence1", "text_pair_column": "sentence2"}
F1_AND_ACCURACY = {"metric": "f1", "score": ("f1", "accuracy")}

# task -> what it does not share with the others
EXPERIMENTS = {
    "cola": {"text_column": "sentence", "metric": "matthews", "epochs": 3},
    "mnli": {"text_column": "premise", "text_pair_column": "hypothesis", "metric": "accuracy", "epochs": 1},
    "mrpc": {**SENTENCES, **F1_AND_ACCURACY, "epochs": 3},
    "qnli": {"text_column": "question", "text_pair_column": "sentence", "metric": "accuracy", "epochs": 1},
    "qqp": {"text_column": "question1", "text_pair_column": "question2", **F1_AND_ACCURACY, "epochs": 1},
    "rte": {**SENTENCES, "metric": "accuracy", "epochs": 5},
    "sst2": {"text_column": "sentence", "metric": "accuracy", "epochs": 1},
    "stsb": {
        **SENTENCES,
        "settings": {"problem": "regression"},
        "metric": "pearson",
        "score": ("pearson", "spearman"),
        "epochs": 3,
    },
    "wnli": {**SENTENCES, "metric": "accuracy", "epochs": 3},
}

FOLDERS = {
    "cola": "CoLA",
    "mnli": "MNLI",
    "mrpc": "MRPC",
    "qnli": "QNLI",
    "qqp": "QQP",
    "rte": "RTE",
    "sst2": "SST-2",
    "stsb": "STS-B",
    "wnli": "WNLI",
}

# task -> columns of the published files, where TFDS calls them otherwise; those of CoLA have no header line
PUBLISHED = {
    "cola": {"column_names": ("source", "label", "star", "sentence")},
    "mnli": {"text_column": "sentence1", "text_pair_column": "sentence2", "label_column": "gold_label"},
    "mrpc": {"text_column": "#1 String", "text_pair_column": "#2 String", "label_column": "Quality"},
    "qqp": {"label_column": "is_duplicate"},
    "stsb": {"label_column": "score"},
}


def get_config(argument=""):
    """The experiment of "TASK", on TFDS' copy, or of "TASK,FOLDER", on the published files in a folder."""
    task, _, folder = argument.partition(",")
    if task not in EXPERIMENTS:
        raise ConfigError(f"write configs/glue.py:TASK; the tasks are {', '.join(EXPERIMENTS)}, not {task!r}")
    dev = "_matched" if task == "mnli" else ""
    if folder:
        files = {"train": f"{folder}/{FOLDERS[task]}/train.tsv", "dev": f"{folder}/{FOLDERS[task]}/dev{dev}.tsv"}
        files |= PUBLISHED.get(task, {})
    else:
        files = {"train": f"tfds:glue/{task}:train", "dev": f"tfds:glue/{task}:validation{dev}"}
    return finetune_config(**{**EXPERIMENTS[task], **files, "batch_size": 32, "learning_rate": 3e-5})
