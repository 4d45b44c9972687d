r"""BERT-Base as Devlin et al. 2018 trained it, the last tenth: rows of 512 tokens, 100,000 steps of 256 rows.

  tfbert make-examples --input=… --vocab=vocab.txt --out=examples_512 --max_length=512 --objective=nsp
  tfbert pretrain --config=configs/pretrain/bert_base_phase2.py --data='examples_512/*' --out=runs/base \
    --init_from=runs/base_128/model

The optimizer's state starts anew. A single run of both phases would have a learning rate of 1e-5 at this step.
Not run whole; expected:
time: 13.1 billion tokens of 0.59 gigaflops, 7.7e18 in all: 17 hours of one GPU at 125 teraflops a second.
memory: 24 GB for a micro-batch of 64 rows (Korthikanti et al. 2022, section 4.1).
curve: that of phase 1's docstring.
"""

from tfbert.runs.configs.pretrain import pretrain_config


def get_config():
    return pretrain_config(
        size="base",
        steps=100_000,
        batch_size=256,
        learning_rate=1e-5,
        warmup=0.01,
        max_predictions=80,
        dtype="mixed_bfloat16",
        accumulation=4,
        evaluate_every=5_000,
        save_every=1_000,
        log_every=50,
    )
