"""What PyTorch `transformers` computes; run by conftest.py in an environment that has it.

Reads from standard input, line by line, [COMMAND, FOLDER, INPUT.npz, OUTPUT.npz] as JSON, and writes a line for each:
null, or how it failed.
"""

import json
import pathlib
import sys
import traceback

import numpy as np
import torch
import transformers


def features(path):
    arrays = np.load(path)
    names = {"token_ids": "input_ids", "segment_ids": "token_type_ids", "padding_mask": "attention_mask"}
    return {names[name]: torch.from_numpy(arrays[name]).long() for name in names}, arrays


def outputs(folder, inputs):
    model = transformers.BertModel.from_pretrained(folder).eval()
    with torch.no_grad():
        values = model(**features(inputs)[0])
    return {"sequence_output": values.last_hidden_state.numpy(), "pooled_output": values.pooler_output.numpy()}


def gradients(folder, inputs):
    """Logits, loss and gradients of one batch, without dropout."""
    model, loading = transformers.AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not loading["missing_keys"], loading
    assert not loading["unexpected_keys"], loading
    model.eval()
    batch, arrays = features(inputs)
    values = model(**batch, labels=torch.from_numpy(arrays["label"]).long())
    values.loss.backward()
    grads = {f"grad/{name}": parameter.grad.numpy() for name, parameter in model.named_parameters()}
    return {"logits": values.logits.detach().numpy(), "loss": values.loss.item(), **grads}


def pretraining(folder, inputs):
    """Logits of the masked language model at all tokens, and of the next sentence where the folder's class has it."""
    architecture = json.loads((pathlib.Path(folder) / "config.json").read_text())["architectures"][0]
    model, loading = getattr(transformers, architecture).from_pretrained(folder, output_loading_info=True)
    assert not loading["missing_keys"], loading
    with torch.no_grad():
        values = model.eval()(**features(inputs)[0])
    if architecture == "BertForMaskedLM":
        return {"token_logits": values.logits.numpy()}
    return {"token_logits": values.prediction_logits.numpy(), "pair_logits": values.seq_relationship_logits.numpy()}


def tokenize(folder, inputs):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = [text.decode() for text in np.load(inputs, allow_pickle=True)["texts"]]
    encoded = tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="np")
    return {"token_ids": encoded["input_ids"], "padding_mask": encoded["attention_mask"]}


def embed(folder, inputs):
    """What sentence-transformers' Transformer, Pooling (mean) and Normalize give, 64 texts of like length at a time, as there."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    texts = [text.decode() for text in np.load(inputs, allow_pickle=True)["texts"]]
    order, embeddings = sorted(range(len(texts)), key=lambda i: len(texts[i])), []
    for begin in range(0, len(texts), 64):
        batch = [texts[i] for i in order[begin : begin + 64]]
        encoded = tokenizer(batch, padding=True, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**encoded).last_hidden_state
        mask = encoded["attention_mask"].unsqueeze(-1).expand(hidden.size()).float()
        mean = (hidden * mask).sum(1) / torch.clamp(mask.sum(1), min=1e-9)
        embeddings.append(torch.nn.functional.normalize(mean, p=2, dim=1))
    return {"embedding": torch.cat(embeddings).numpy()[np.argsort(order)]}


def multiple_choice(folder, inputs):
    """Logits [B, C], loss and gradients of pairs [B, C, S], without dropout."""
    model, loading = transformers.AutoModelForMultipleChoice.from_pretrained(folder, output_loading_info=True)
    assert not loading["missing_keys"], loading
    assert not loading["unexpected_keys"], loading
    model.eval()
    batch, arrays = features(inputs)
    values = model(**batch, labels=torch.from_numpy(arrays["label"]).long())
    values.loss.backward()
    grads = {f"grad/{name}": parameter.grad.numpy() for name, parameter in model.named_parameters()}
    return {"logits": values.logits.detach().numpy(), "loss": values.loss.item(), **grads}


def make(folder, inputs):
    """A random model of a class in all files that PyTorch saves it in, each in a folder, and its outputs."""
    arrays = np.load(inputs)
    kind, settings = str(arrays["kind"]), json.loads(str(arrays["settings"]))
    settings["num_labels"] = {"QuestionAnswering": 2, "MultipleChoice": 1}.get(kind.split("For")[-1], 3)
    torch.manual_seed(0)
    if kind.startswith("Distil"):
        config = transformers.DistilBertConfig(
            dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=64, **settings
        )
    else:
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        config = transformers.BertConfig(**sizes, max_position_embeddings=64, **settings)
    model = getattr(transformers, kind)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    folder = pathlib.Path(folder)
    model.save_pretrained(folder / "safetensors")
    model.save_pretrained(folder / "shards", max_shard_size="100KB")
    state = model.state_dict()
    for form in ("zip", "legacy", "bfloat16"):
        (folder / form).mkdir()
        (folder / form / "config.json").write_bytes((folder / "safetensors/config.json").read_bytes())
        saved = {name: value.bfloat16() for name, value in state.items()} if form == "bfloat16" else state
        path = folder / form / "pytorch_model.bin"
        torch.save(saved, path, _use_new_zipfile_serialization=form != "legacy")
    return logits(folder / "safetensors", inputs)


def logits(folder, inputs):
    """The outputs of the class `kind` of a folder."""
    kind = str(np.load(inputs)["kind"])
    model, loading = getattr(transformers, kind).from_pretrained(folder, output_loading_info=True)
    assert not loading["missing_keys"], loading
    batch, _ = features(inputs)
    if kind.startswith("Distil"):
        batch.pop("token_type_ids")
    if kind.endswith("MultipleChoice"):
        batch = {name: value[None] for name, value in batch.items()}
    with torch.no_grad():
        values = model.eval()(**batch)
    return {name: value.numpy() for name, value in values.items()}


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print
    for line in sys.stdin:
        command, folder, inputs, out = json.loads(line)
        try:
            np.savez(out, **globals()[command](folder, inputs))
            failed = None
        except Exception:
            failed = traceback.format_exc()
        print(json.dumps(failed), file=answers, flush=True)
