"""WNUT17: emerging entities in tweets and comments, six labels; 3,394 / 1,009 / 1,287 sentences.

  tfbert finetune --config=configs/wnut17.py --checkpoint=DIR --out=runs/wnut17
  tfbert evaluate --model=runs/wnut17 --data=emerging.test.annotated --format=conll

Files: wnut17train.conll, emerging.dev.conll, emerging.test.annotated of github.com/leondz/emerging_entities_17.

MiniLM-L6, which is uncased: entity F1 0.429 +- 0.032 on dev, 0.337 +- 0.029 on test, three
seeds; 5 to 8 minutes on one CPU core. With --config.settings.transitions=true 0.583 +- 0.005 and 0.446 +- 0.008.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="token_classification",
        train="wnut17train.conll",
        dev="emerging.dev.conll",
        epochs=3,
        batch_size=32,
        learning_rate=5e-5,
    )
