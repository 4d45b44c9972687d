"""Writes a checkpoint in another format; its own format is found by the files in its folder:

tfbert convert --from=uncased_L-12_H-768_A-12 --to=hf --out=converted
tfbert convert --from=sentence-transformers/all-MiniLM-L6-v2 --to=keras_hub --out=minilm
"""

from absl import flags

_FROM = flags.DEFINE_string("from", None, "Checkpoint folder of any format, or hub id.", required=True)
_TO = flags.DEFINE_string(
    "to",
    None,
    "hf: Hugging Face, for tfbert and transformers; tf1: Google's TF1 checkpoint; keras_hub: a preset; "
    "model_garden: TF2; or a registered format.",
    required=True,
)
_OUT = flags.DEFINE_string("out", None, "Folder; another of the same format is replaced.", required=True)


def main(argv: list[str]) -> None:
    from tfbert.checkpoints import open_checkpoint
    from tfbert.checkpoints.convert import convert
    from tfbert.checkpoints.formats import format_to_write

    format_to_write(_TO.value)  # before a download
    source = open_checkpoint(_FROM.value)
    print(f"found: {source}", flush=True)
    for note in convert(source, _TO.value, _OUT.value):
        print(f"note: {note}")
    print(f"{_OUT.value} is written ({_TO.value})")
