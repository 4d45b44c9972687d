"""BERT-Large with LAMB and batches of 32,768 rows of 128 tokens (You et al. 2019, the first phase of 76 minutes' BERT).

  tfbert make-examples --input=… --vocab=vocab.txt --out=examples_128 --max_length=128 --objective=nsp
  tfbert pretrain --config=configs/pretrain/bert_large_lamb.py --data='examples_128/*' --out=runs/large_128

The second phase: the same with rows of 512 tokens, --init_from=runs/large_128/model --config.batch_size=16384
--config.learning_rate=4e-3 --config.steps=1563. Not run whole: it is for many accelerators.
"""

from tfbert.training.pretrain_config import pretrain_config


def get_config():
    return pretrain_config(
        size="large",
        steps=7_038,
        batch_size=32_768,
        accumulation=512,
        optimizer="lamb",
        learning_rate=6e-3,
        warmup=0.2843,
        power=0.5,
        max_predictions=20,
        dtype="mixed_bfloat16",
        evaluate_every=500,
        save_every=100,
        log_every=5,
    )
