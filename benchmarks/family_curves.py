"""The loss of families of encoders beside PyTorch `transformers`, step by step: the same random weights and batches.

    python benchmarks/family_curves.py --data=DATA --out=FOLDER --reference_python=.venv-reference/bin/python

Small models learn SST-2 for 200 steps, without dropout, with the token ids of one WordPiece vocabulary. PyTorch also
learns from weights that are nudged as much as float32 rounds, and from the rows in another order: how far these curves
lie from its own is the noise in which tfbert's should lie. Prints rows for benchmarks/RESULTS.md and draws
benchmarks/family_curves.svg.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import keras
import matplotlib
import numpy as np
import tensorflow as tf

import tfbert

HERE = pathlib.Path(__file__).resolve().parent
TITLES = {"roberta": "RoBERTa", "electra": "ELECTRA", "mpnet": "MPNet", "modernbert": "ModernBERT"}
# Adam adds epsilon to the root before its correction in Keras and after it in PyTorch: so small that it adds nothing.
RECIPE = {"learning_rate": 1e-3, "warmup": 0.1, "weight_decay": 0.01, "clip_norm": 1.0, "epsilon": 1e-12}
STEPS, BATCH, LENGTH, LAYERS, WIDTH = 200, 32, 32, 4, 128
FIRST, LAST = 20, 50  # steps that are compared
OURS, THEIRS, NUDGED, OTHER = "#1f6fb2", "#e08214", "#7fbf7b", "#c8ccd2"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("TFBERT_DATA") or HERE.parent / "../shared/data")
    parser.add_argument("--out", required=True)
    parser.add_argument("--reference_python", default=str(HERE.parent / ".venv-reference/bin/python"))
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(TITLES))
    args = parser.parse_args()
    data, out = pathlib.Path(args.data), pathlib.Path(args.out)
    vocab = data / "vocab/bert-base-uncased"
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / "batches.npz", **batches(data / "classification/sst2_glue/train.tsv.gz", vocab))

    def in_torch(verb, *values):
        subprocess.run([args.reference_python, HERE / "family_models.py", verb, out, *map(str, values)], check=True)

    for family in args.only:
        in_torch("write", vocab / "vocab.txt", LAYERS, WIDTH, family)
        in_torch("train", json.dumps(RECIPE), family)
        np.savez(out / family / "tfbert.npz", tfbert=trained(out / family))
        print(row(TITLES[family], curves_of(out / family)), flush=True)
    draw(HERE / "family_curves.svg", {TITLES[family]: curves_of(out / family) for family in args.only})


def curves_of(folder):
    """{run: [steps]} of both sides."""
    return {**np.load(folder / "tfbert.npz"), **np.load(folder / "torch.npz")}


def batches(path, vocab):
    """Token ids [2, steps, B, S] and labels [2, steps, B] of the same rows in two orders."""
    table, size = tfbert.data.read(path), STEPS * BATCH
    chosen = np.random.default_rng(0).permutation(len(table))[:size]
    texts, labels = (np.array(table.column(name))[chosen] for name in ("sentence", "label"))
    ids = tfbert.Tokenizer.from_folder(vocab)(texts.tolist(), max_length=LENGTH)["token_ids"].numpy()
    orders = np.stack([np.random.default_rng(order).permutation(size) for order in range(2)])
    shape = (2, STEPS, BATCH)
    return {"token_ids": ids[orders].reshape(*shape, -1), "label": labels.astype("int32")[orders].reshape(shape)}


def trained(folder):
    """The loss of each step of tfbert on the batches of the first order."""
    arrays, losses = np.load(folder.parent / "batches.npz"), []
    model = tfbert.TextClassifier.from_checkpoint(folder, labels=["negative", "positive"], max_length=LENGTH)
    assert not model.load_report.missing, model.load_report
    model.compile(tfbert.AdamW(**RECIPE))
    names = tuple(model.task.inputs(model.encoder))

    class Losses(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.reset_metrics()  # Keras' loss is the mean of all steps since then

        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])

    def steps():
        for ids, labels in zip(arrays["token_ids"][0], arrays["label"][0], strict=True):
            ids = ids[:, (ids != 0).any(0)].astype("int32")
            given = {"token_ids": ids, "padding_mask": (ids != 0).astype("int32"), "segment_ids": 0 * ids}
            yield {name: given[name] for name in names}, labels

    signature = {name: tf.TensorSpec([None, None], tf.int32) for name in names}, tf.TensorSpec([None], tf.int32)
    data = tf.data.Dataset.from_generator(steps, output_signature=signature)
    model.fit(data, steps_per_epoch=STEPS, callbacks=[Losses()], verbose=0)
    return losses


def row(title, curves):
    """A row of the table: how far tfbert is from PyTorch at first and at the end, and PyTorch's others from it."""
    apart = {name: np.abs(losses - curves["torch"]) for name, losses in curves.items()}
    first = [f"{apart[name][:FIRST].max():.1g}" for name in ("tfbert", "nudged")]
    last = [f"{apart[name][-LAST:].mean():.3f}" for name in ("tfbert", "nudged", "other")]
    ends = [f"{curves[name][-LAST:].mean():.3f}" for name in ("tfbert", "torch", "nudged", "other")]
    return f"| {' | '.join([title, *first, *last, *ends])} |"


def draw(path, curves):
    """One panel a family: both sides, and behind them what PyTorch's own noise is."""
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "curves", "svg.fonttype": "none", "font.size": 9})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(curves), figsize=(11, 2.8), squeeze=False)
    axes = axes[0]
    lines = {
        "other": ("PyTorch, other order", OTHER, 1, "-"),
        "nudged": ("PyTorch, weights nudged", NUDGED, 1, "-"),
        "torch": ("PyTorch", THEIRS, 2.4, "-"),
        "tfbert": ("tfbert", OURS, 1, (0, (4, 2))),
    }
    for axis, (title, curves_of_it) in zip(axes, curves.items(), strict=True):
        for name, (label, color, width, style) in lines.items():
            axis.plot(smooth(curves_of_it[name]), color=color, linewidth=width, linestyle=style, label=label)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_xlabel("step")
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[0].set_ylabel("loss, mean of 10 steps")
    axes[-1].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if str(path).endswith("svg") else None)


def smooth(losses, steps=10):
    return np.convolve(losses, np.ones(steps) / steps, "valid")


if __name__ == "__main__":
    sys.exit(main())
