"""Peak memory of `convert` between all formats, over what the process has after its imports, in model sizes.

python benchmarks/convert_memory.py --layers=12 --hidden_size=768

writes a random network once with a stream of its own, then converts it in a new process for each pair of formats.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from absl import app, flags

FORMS = ("hf", "tf1", "keras_hub", "model_garden")
_LAYERS = flags.DEFINE_integer("layers", 12, "Layers of the network.")
_HIDDEN_SIZE = flags.DEFINE_integer("hidden_size", 768, "Its width.")
_VOCAB_SIZE = flags.DEFINE_integer("vocab_size", 30522, "Its tokens.")
_FORMS = flags.DEFINE_list("forms", list(FORMS), "Formats to convert from and to.")


def memory(line):
    """Bytes that this process has (VmRSS) or has had at most (VmHWM); getrusage's peak counts its parent's too."""
    (found,) = (row for row in pathlib.Path("/proc/self/status").read_text().splitlines() if row.startswith(line))
    return int(found.split()[1]) << 10


def write_random(folder, layers, hidden_size, vocab_size):
    """A Hugging Face folder of random weights, without holding them; returns its bytes of weights."""
    import numpy as np

    from tfbert import BertConfig
    from tfbert.checkpoints.formats import hugging_face
    from tfbert.checkpoints.weights import Weights

    class Random(Weights):
        def __init__(self):
            self.config = BertConfig(
                vocab_size=vocab_size,
                hidden_size=hidden_size,
                num_hidden_layers=layers,
                num_attention_heads=hidden_size // 64,
                intermediate_size=4 * hidden_size,
                hidden_act="gelu_new",
            )
            names = self.table.names_of(self.table.encoder, layers)
            self.shapes = {name: shape for name, shape in self.table.shapes(self.config).items() if name in names}

        def value(self, variable):
            return np.random.default_rng(0).random(self.shapes[variable], "float32") - 0.5

    hugging_face.write_weights(folder, Random())
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"token{i}" for i in range(vocab_size - 5))]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    return (folder / "model.safetensors").stat().st_size


def measure(source, form, out):
    """Run in a process of its own: what a conversion, or with `form` load a model, takes beyond its imports."""
    import tfbert
    from tfbert.checkpoints import open_checkpoint
    from tfbert.checkpoints.convert import convert

    tiny = pathlib.Path(tempfile.mkdtemp())
    write_random(tiny, 1, 64, 100)
    if form == "load":  # TensorFlow's own start is no part of the model
        tfbert.SentenceEncoder.from_checkpoint(tiny)
    else:
        convert(open_checkpoint(tiny), form, tiny / "out")
    before = memory("VmRSS")
    if form == "load":
        tfbert.SentenceEncoder.from_checkpoint(source)
    else:
        convert(open_checkpoint(source), form, out)
    print(json.dumps({"grown": memory("VmHWM") - before}))


def in_a_process(source, form, out):
    """Bytes that `measure` found."""
    command = [sys.executable, __file__, "measure", str(source), form, str(out)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(result.stderr[-2000:])
    return json.loads(result.stdout.splitlines()[-1])["grown"]


def main(argv):
    with tempfile.TemporaryDirectory() as base:
        base = pathlib.Path(base)
        (base / "hf").mkdir()
        size = write_random(base / "hf", _LAYERS.value, _HIDDEN_SIZE.value, _VOCAB_SIZE.value)
        print(f"model of {size >> 20} MiB; peak memory over what the process had before, in model sizes")
        for source in _FORMS.value:
            for form in [*_FORMS.value, "load"]:
                grown = in_a_process(base / source, form, base / "out" / form)
                print(f"{source:>13} -> {form:13}{grown / size:.2f}", flush=True)
                if source == "hf" and form not in ("hf", "load"):
                    (base / "out" / form).rename(base / form)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(*sys.argv[2:])
    else:
        app.run(main)
