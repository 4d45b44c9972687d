"""Examples per second of `fit`: tfbert, KerasHub and PyTorch `transformers`, in turn, in one run.

The same weights, batch size and training sentences (SST-2), each as its user gets it: tfbert with its length buckets,
KerasHub's BertTextClassifier with its preprocessor's fixed length (128 here; its default is 512) and its own optimizer,
PyTorch with dynamic padding of random batches (benchmarks/finetune_torch.py). Each measurement is a process of its own;
tracing and compiling come before the clock starts.

python benchmarks/fit_throughput.py --checkpoint=DIR --train=train.tsv.gz --dev=dev.tsv \
    --reference_python=.venv-reference/bin/python --rounds=3
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

from rounds import compare

BATCH = 32
WARM_UP = 8  # steps before the clock starts
STEPS = {"tfbert": 100, "keras_hub": 8, "torch": 40}  # about half a minute each
KERAS_HUB_LENGTH = 128


def read(path):
    from tfbert import data

    table = data.read(path)
    return table.column("sentence"), [int(label) for label in table.column("label")]


def timed_fit(model, *data, steps, **kwargs):
    """Seconds that `steps` steps take after the warm-up."""
    import keras

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch + 1 == WARM_UP:
                self.began = time.perf_counter()
            if batch + 1 == WARM_UP + steps:
                self.seconds = time.perf_counter() - self.began
                self.model.stop_training = True

    clock = Clock()
    model.fit(*data, epochs=1, callbacks=[clock], verbose=0, **kwargs)
    return clock.seconds


def measure_tfbert(args):
    import tfbert

    texts, labels = read(args.train)
    model = tfbert.TextClassifier.from_checkpoint(args.checkpoint, labels=["negative", "positive"])
    model.compile(tfbert.AdamW(5e-5))
    return timed_fit(model, texts, labels, batch_size=BATCH, steps=STEPS["tfbert"])


def measure_keras_hub(args):
    import keras_hub
    import numpy as np

    texts, labels = read(args.train)
    rows = np.random.default_rng(0).permutation(len(texts))[: BATCH * (WARM_UP + STEPS["keras_hub"] + 1)]
    model = keras_hub.models.BertTextClassifier.from_preset(args.checkpoint, num_classes=2)
    model.preprocessor.sequence_length = KERAS_HUB_LENGTH
    data = (np.array(texts)[rows], np.array(labels)[rows])
    return timed_fit(model, *data, batch_size=BATCH, steps=STEPS["keras_hub"])


def measure_torch(args):
    command = [
        *(args.reference_python, pathlib.Path(__file__).with_name("finetune_torch.py"), "--random_batches"),
        f"--config={pathlib.Path(__file__).resolve().parent.parent / 'configs/sst2.py'}",
        *(f"--checkpoint={args.checkpoint}", f"--train={args.train}", f"--dev={args.dev}"),
        f"--max_steps={STEPS['torch']}",
    ]
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).resolve().parent.parent)}
    out = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return STEPS["torch"] * BATCH / json.loads(out.splitlines()[-1])["examples_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("checkpoint", "train", "dev", "reference_python"):
        parser.add_argument(f"--{name}", required=name != "reference_python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(STEPS))
    args = parser.parse_args()
    if args.only:
        seconds = globals()[f"measure_{args.only}"](args)
        print(json.dumps({"examples_per_second": STEPS[args.only] * BATCH / seconds}))
        return
    names = [name for name in STEPS if name != "torch" or args.reference_python]
    compare(names, rounds=args.rounds, figure="examples_per_second", unit="examples/s")


if __name__ == "__main__":
    main()
