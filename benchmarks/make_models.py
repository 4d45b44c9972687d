"""Writes what peers of bench.py load: CHECKPOINT FOLDER.

MiniLM and a random BERT-Base as models of sentence vectors that tfbert has saved, for its own commands.
"""

import pathlib
import sys

import keras

import tfbert
from tfbert.checkpoints.formats.hugging_face import write_folder


def main():
    checkpoint, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    tfbert.SentenceEncoder.from_checkpoint(checkpoint).save(folder / "minilm/model")
    keras.utils.set_random_seed(0)
    tokenizer = tfbert.Tokenizer.from_folder(checkpoint)
    encoder = tfbert.BertEncoder(
        tfbert.BertConfig.of_size("base", vocab_size=len(tokenizer.vocabulary)), name="encoder"
    )
    encoder.build()
    random = folder / "base/checkpoint"
    random.mkdir(parents=True)
    write_folder(random, encoder)
    tokenizer.save(random)
    tfbert.SentenceEncoder.from_checkpoint(random).save(folder / "base/model")


if __name__ == "__main__":
    main()
