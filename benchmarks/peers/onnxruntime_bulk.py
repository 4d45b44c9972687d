"""File of texts -> file of vectors by ONNX Runtime, sorted by length: FILE VOCABULARY DATA OUT."""

import json
import pathlib
import sys

import encoders
import onnxruntime

BUDGET = 1024


def batches(order, length_of):
    """Texts of like length, of which a batch has BUDGET tokens at most with what pads them."""
    batch = []
    for i in order:
        if batch and length_of[i] * (len(batch) + 1) > BUDGET:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def main():
    file, vocabulary, data, out = sys.argv[1:]
    texts = pathlib.Path(data).read_text(encoding="utf-8").splitlines()
    tokens = encoders.tokenizer(vocabulary)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    length_of = [sum(mask) for mask in tokens(texts)[1]]
    vectors = [None] * len(texts)
    for rows in batches(sorted(range(len(texts)), key=length_of.__getitem__), length_of):
        given = encoders.features(*tokens([texts[row] for row in rows]))
        for row, vector in zip(rows, session.run(None, {name: given[name] for name in names})[0], strict=True):
            vectors[row] = vector.tolist()
    with open(out, "w", encoding="utf-8") as lines:
        for text, vector in zip(texts, vectors, strict=True):
            lines.write(json.dumps({"text": text, "embedding": vector}) + "\n")


if __name__ == "__main__":
    main()
