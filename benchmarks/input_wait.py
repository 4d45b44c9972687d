"""The share of a training step that waits for data, of fine-tuning on a table of texts and of pretraining.

A step takes its batch from the pipeline that `fit` takes it from, and trains on it with the step that `fit` traces; the
time until the batch is there is the wait. Several rounds of steps; the median round is printed.

python benchmarks/input_wait.py --checkpoint=DIR --train=train.tsv --examples=DIR
"""

import argparse
import statistics
import time

import tensorflow as tf

import tfbert
from tfbert.data.batching.batches import Batches
from tfbert.runs.configs.pretrain import PretrainConfig
from tfbert.runs.pretrain_inputs import model_and_batches
from tfbert.training.optimizers.adamw import AdamW

ROUNDS, WARM_UP = 5, 6
STEPS = {"fine-tuning": 20, "pretraining": 4}  # of a round, some ten seconds


def waits(model, batches, steps):
    """The wait of each round, as a share of its steps' time."""
    iterator = iter(batches)
    step = tf.function(model.train_step, reduce_retracing=True, autograph=False)
    for _ in range(WARM_UP):
        step(next(iterator))
    shares = []
    for _ in range(ROUNDS):
        waited, began = 0.0, time.perf_counter()
        for _ in range(steps):
            asked = time.perf_counter()
            data = next(iterator)
            waited += time.perf_counter() - asked
            float(step(data)["loss"])  # until it is done
        shares.append(waited / (time.perf_counter() - began))
    return shares


def finetuning(args):
    table = tfbert.data.read(args.train)
    settings = {"labels": sorted(set(table.column("label"))), "columns": {"text": args.text_column}}
    model = tfbert.TextClassifier.from_checkpoint(args.checkpoint, **settings)
    model.compile(AdamW(2e-5))
    examples = model.task.examples(table, training=True)
    return waits(
        model, Batches(examples, model.task.features, model.task.target, batch_size=32).repeated(), STEPS["fine-tuning"]
    )


def pretraining(args):
    model, batches, _ = model_and_batches(PretrainConfig(data=args.examples, size="small", batch_size=32, dev_shards=0))
    model.compile(AdamW(1e-4))
    return waits(model, batches.repeated(), STEPS["pretraining"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--train", required=True, help="a table of texts with a column label")
    parser.add_argument("--text_column", default="text")
    parser.add_argument("--examples", required=True, help="of make-examples, in rows of 128")
    args = parser.parse_args()
    for measure in (finetuning, pretraining):
        shares = measure(args)
        print(f"{measure.__name__}: {statistics.median(shares):.2%} ({min(shares):.2%} to {max(shares):.2%})")


if __name__ == "__main__":
    main()
