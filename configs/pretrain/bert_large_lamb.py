"""BERT-Large with LAMB (You et al. 2019), the first phase.

Steps and rates are those of NVIDIA's DeepLearningExamples (PyTorch/LanguageModeling/BERT/scripts/run_pretraining.sh).

  tfbert make-examples --input=… --vocab=vocab.txt --out=examples_128 --max_length=128 --objective=nsp
  tfbert pretrain --config=configs/pretrain/bert_large_lamb.py --data='examples_128/*' --out=runs/large_128

The second phase: the same with rows of 512 tokens, --init_from=runs/large_128/model --config.batch_size=32768
--config.accumulation=2048 --config.max_predictions=80 --config.learning_rate=4e-3 --config.warmup=0.128
--config.steps=1563. Not run whole; expected:
time: 59 billion tokens of 1.9 gigaflops, 1.1e20 in all: 31 hours of 8 GPUs at 125 teraflops a second each, then 15.
memory: 14 GB for a micro-batch of 64 rows (Korthikanti et al. 2022, section 4.1).
curve: SQuAD 1.1 F1 of 90.6 from the model of both phases (You et al. 2019, table 1).
"""

from tfbert.runs.configs.pretrain import pretrain_config


def get_config():
    return pretrain_config(
        size="large",
        steps=7_038,
        batch_size=65_536,
        accumulation=1024,
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
