"""Writes what benchmarks/pretrain_torch.py trains on: the first weights of a run, and its very batches.

python benchmarks/pretrain_torch_inputs.py --config=FILE --config.steps=3000 --data=examples --out=DIR
"""

import pathlib

import numpy as np
from absl import app, flags
from ml_collections import config_flags

from tfbert.runs.configs.pretrain import PretrainConfig
from tfbert.runs.pretrain_inputs import model_and_batches

_CONFIG = config_flags.DEFINE_config_file("config", None, "The run's.")
_DATA = flags.DEFINE_string("data", None, "Examples.", required=True)
_OUT = flags.DEFINE_string("out", None, "Folder.", required=True)
_NAMES = ("token_ids", "segment_ids", "padding_mask", "masked_positions", "masked_ids", "masked_weights", "draws")


def main(argv):
    config = PretrainConfig.from_dict({**_CONFIG.value.to_dict(), "data": _DATA.value})
    out = pathlib.Path(_OUT.value)
    out.mkdir(parents=True)
    model, train, dev = model_and_batches(config)
    model.compile()  # which makes a generator, where there is one
    model.save(out / "model")
    for part, batches in (("train", train.repeated().take(config.steps)), ("dev", dev.once())):
        names = [*_NAMES, *(["pair_labels"] if train.shards.objective != "none" else [])]
        rows = {name: [] for name in names}
        for batch in batches.as_numpy_iterator():
            for name in names:
                whole = np.float32 if name == "draws" else np.uint16  # BERT's vocabularies fit
                rows[name].append(batch[name].astype(whole))
        for name, values in rows.items():
            np.save(out / f"{part}_{name}.npy", np.concatenate(values))


if __name__ == "__main__":
    app.run(main)
