"""GoEmotions: 27 emotions and neutral in Reddit comments, several to a comment; 43,410 / 5,426 / 5,427.

The published files have no header line; labels are numbers, several with commas between them:
  tfbert finetune --config=configs/goemotions.py --checkpoint=DIR --out=runs/goemotions
"""

from tfbert.runs.configs.finetune import finetune_config

# labels.txt of the published data, in its order
LABELS = tuple(
    """admiration amusement anger annoyance approval caring confusion curiosity desire disappointment disapproval
    disgust embarrassment excitement fear gratitude grief joy love nervousness optimism pride realization relief
    remorse sadness surprise neutral""".split()
)


def get_config():
    return finetune_config(
        train="train.tsv",
        dev="dev.tsv",
        column_names=("text", "label", "id"),
        settings={"problem": "multi_label", "labels": LABELS},
        max_length=64,
        epochs=4,
        batch_size=32,
        learning_rate=1e-4,
    )
