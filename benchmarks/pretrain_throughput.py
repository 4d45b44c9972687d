"""Non-padding tokens per second of pretraining: tfbert, KerasHub and PyTorch `transformers`, in turn, in one run.

A masked language model of BERT-Small's shape (4 x 512), float32, the same texts, each as its user gets it: tfbert on
examples of `tfbert make-examples --objective=none --pack`, KerasHub's BertMaskedLM with its preprocessor (rows filled
up to the same length; with XLA and without), PyTorch's BertForMaskedLM with the collator and the full rows of its
run_mlm.py (texts one after the other, no padding, attention across texts, logits of all tokens). Each measurement is a
process of its own; tracing and compiling come before the clock starts.

python benchmarks/pretrain_throughput.py --examples=DIR --texts=texts.txt --reference_python=.venv-reference/bin/python
"""

import argparse
import json
import pathlib
import subprocess
import time

from rounds import compare

ROWS, LENGTH = 32, 128
WARM_UP = 4  # steps before the clock starts
STEPS = {"tfbert": 16, "keras_hub": 8, "keras_hub_jit": 8, "torch": 12}  # some tens of seconds each


class Clock:
    """A Keras callback, made where Keras is there: seconds of the steps after the warm-up."""

    @staticmethod
    def callback(steps):
        import keras

        class Timed(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch + 1 == WARM_UP:
                    self.began = time.perf_counter()
                if batch + 1 == WARM_UP + steps:
                    self.seconds = time.perf_counter() - self.began

        return Timed()


def measure_tfbert(args):
    from tfbert.runs.configs.pretrain import PretrainConfig
    from tfbert.runs.pretrain_inputs import model_and_batches
    from tfbert.training.optimizers.adamw import AdamW

    config = PretrainConfig(data=args.examples, size="small", batch_size=ROWS, dev_shards=0)
    model, train, _ = model_and_batches(config)
    steps = WARM_UP + STEPS["tfbert"]
    tokens = sum(int(batch["padding_mask"].numpy().sum()) for batch in train.repeated(WARM_UP).take(STEPS["tfbert"]))
    model.compile(AdamW(1e-4))
    clock = Clock.callback(STEPS["tfbert"])
    model.fit(train, steps_per_epoch=steps, callbacks=[clock], verbose=0)
    return tokens / clock.seconds


def measure_keras_hub(args, jit=False):
    import keras
    import keras_hub
    import numpy as np

    name = "keras_hub_jit" if jit else "keras_hub"
    tokenizer = keras_hub.tokenizers.BertTokenizer(str(pathlib.Path(args.examples) / "vocab.txt"), lowercase=True)
    preprocessor = keras_hub.models.BertMaskedLMPreprocessor(
        tokenizer, sequence_length=LENGTH, mask_selection_length=round(0.15 * LENGTH)
    )
    backbone = keras_hub.models.BertBackbone(
        tokenizer.vocabulary_size(), num_layers=4, num_heads=8, hidden_dim=512, intermediate_dim=2048
    )
    model = keras_hub.models.BertMaskedLM(backbone, preprocessor)
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-4),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=jit,
    )
    steps = WARM_UP + STEPS[name]
    texts = np.array(read(args.texts))[: ROWS * steps]
    lengths = np.minimum([len(row) for row in tokenizer(texts)], LENGTH - 2) + 2
    clock = Clock.callback(STEPS[name])
    model.fit(texts, batch_size=ROWS, shuffle=False, callbacks=[clock], verbose=0)
    return int(lengths[ROWS * WARM_UP :].sum()) / clock.seconds


def measure_keras_hub_jit(args):
    return measure_keras_hub(args, jit=True)


def measure_torch(args):
    code = pathlib.Path(__file__).with_name("pretrain_throughput_torch.py")
    command = [args.reference_python, code, args.texts, pathlib.Path(args.examples) / "vocab.txt"]
    command += map(str, (ROWS, LENGTH, WARM_UP, STEPS["torch"]))
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])["tokens_per_second"]


def read(path):
    return pathlib.Path(path).read_text(encoding="utf-8").splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("examples", "texts", "reference_python"):
        parser.add_argument(f"--{name}", required=name != "reference_python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(STEPS))
    args = parser.parse_args()
    if args.only:
        print(json.dumps({"tokens_per_second": globals()[f"measure_{args.only}"](args)}))
        return
    names = [name for name in STEPS if name != "torch" or args.reference_python]
    compare(names, rounds=args.rounds, figure="tokens_per_second", unit="tokens/s")


if __name__ == "__main__":
    main()
