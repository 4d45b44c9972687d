r"""ELECTRA-Small as Clark et al. 2020 trained it (table 6): 12 layers of 256, a generator a quarter as wide.

  tfbert make-examples --input=… --vocab=vocab.txt --out=examples_128 --max_length=128 --objective=none
  tfbert pretrain --config=configs/pretrain/electra_small.py --data='examples_128/*' --out=runs/electra_small

The vocabulary is that of bert-base-uncased. `model/` is the discriminator, which every task takes as its --checkpoint;
`model/generator/` fills masks. Not run whole; expected, from its arithmetic:
time: 16.4 billion tokens of 0.07 gigaflops, 1.1e18 in all: 3 hours of one GPU at 125 teraflops a second. The paper's
  took 4 days of one V100 (table 1).
memory: 4 GB for a step (Korthikanti et al. 2022, section 4.1, and the generator's logits).
curve: GLUE of 79.9 on average over the dev sets (table 1).
"""

from tfbert.runs.configs.pretrain import pretrain_config


def get_config():
    return pretrain_config(
        task="replaced_tokens",
        settings={"generator_size": 0.25, "generator_weight": 1.0, "discriminator_weight": 50.0},
        encoder={
            "model_type": "electra",
            "num_hidden_layers": 12,
            "hidden_size": 256,
            "embedding_size": 128,
            "num_attention_heads": 4,
            "intermediate_size": 1024,
        },
        steps=1_000_000,
        batch_size=128,
        learning_rate=5e-4,
        warmup=10_000 / 1_000_000,
        dtype="mixed_bfloat16",
        evaluate_every=10_000,
        save_every=2_000,
        log_every=100,
    )
