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


def of_model(model, batch):
    """A batch without the segments that a model does not have."""
    if getattr(model.config, "type_vocab_size", 0) < 2:
        batch.pop("token_type_ids", None)
    return batch


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
    values = model(**of_model(model, batch), labels=torch.from_numpy(arrays["label"]).long())
    values.loss.backward()
    grads = {
        f"grad/{name}": parameter.grad.numpy()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
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


def replaced_tokens(folder, inputs):
    """Logits of the discriminator, and the generator's at all tokens."""
    found = {}
    for name, kind, where in (
        ("logits", transformers.ElectraForPreTraining, pathlib.Path(folder)),
        ("token_logits", transformers.ElectraForMaskedLM, pathlib.Path(folder) / "generator"),
    ):
        architecture = json.loads((where / "config.json").read_text())["architectures"]
        assert architecture == [kind.__name__], architecture
        model, loading = kind.from_pretrained(where, output_loading_info=True)
        assert not loading["missing_keys"], loading
        assert not loading["unexpected_keys"], loading
        with torch.no_grad():
            found[name] = model.eval()(**features(inputs)[0]).logits.numpy()
    return found


def replaced_tokens_gradients(folder, inputs):
    """Of a batch, as the benchmark's peer computes it: the loss and all gradients, those of shared embeddings once."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benchmarks"))
    from pretrain_torch import KINDS

    model, sums = KINDS["replaced_tokens"](pathlib.Path(folder), {})
    model.eval()
    arrays = np.load(inputs)
    kinds = {name: np.float32 if name == "draws" else np.int64 for name in arrays.files}
    found = sums({name: torch.from_numpy(arrays[name].astype(kind)) for name, kind in kinds.items()}).values()
    loss = sum(weight * loss / count for weight, loss, _, count in found)
    loss.backward()
    grads = {f"grad/{name}": value.grad.numpy() for name, value in model.named_parameters() if value.grad is not None}
    return {"loss": loss.item(), **grads}


def tokenize(folder, inputs):
    """Ids of texts, or of these and their pairs; with `save` the tokenizer is also saved in a folder."""
    tokenizer, arrays = transformers.AutoTokenizer.from_pretrained(folder), np.load(inputs, allow_pickle=True)
    if "save" in arrays:
        tokenizer.save_pretrained(str(arrays["save"]))
    texts = [[text.decode() for text in arrays[name]] for name in ("texts", "pairs") if name in arrays]
    encoded = tokenizer(*texts, padding=True, truncation=True, max_length=64, return_tensors="np")
    return {"token_ids": encoded["input_ids"], "padding_mask": encoded["attention_mask"]}


def added(folder, inputs):
    """Ids and vectors of texts: of a folder as it is, and ids of its base with the tokens `names` added here."""
    arrays = np.load(inputs, allow_pickle=True)
    texts, names = ([text.decode() for text in arrays[name]] for name in ("texts", "names"))
    base = transformers.AutoTokenizer.from_pretrained(str(arrays["base"]))
    base.add_tokens(names, special_tokens=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model, loading = transformers.AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not [name for name in loading["missing_keys"] if "pooler" not in name], loading
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        vectors = model.eval()(**of_model(model, batch)).last_hidden_state
    return {
        "token_ids": batch["input_ids"].numpy(),
        "padding_mask": batch["attention_mask"].numpy(),
        "added_here": base(texts, padding=True, return_tensors="np")["input_ids"],
        "sequence_output": vectors.numpy(),
    }


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


def encode(folder, inputs):
    """The embeddings that sentence-transformers itself makes."""
    import sentence_transformers

    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    texts = [text.decode() for text in np.load(inputs, allow_pickle=True)["texts"]]
    return {"embedding": model.encode(texts), "longest": model.max_seq_length}


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
    settings["num_labels"] = {"QuestionAnswering": 2, "MultipleChoice": 1, "PreTraining": 2}.get(
        kind.split("For")[-1], 3
    )
    torch.manual_seed(0)
    if kind.startswith("Distil"):
        config = transformers.DistilBertConfig(
            dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=64, **settings
        )
    else:
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        config = getattr(transformers, kind).config_class(**{**sizes, "max_position_embeddings": 64, **settings})
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


WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the a film red lamp café Lamp query passage : . ! ? ##s ##e Σ σ ς".split()


# What a family's configuration needs so that it has 40 positions, and the padding of `WORDS`.
FAMILIES = {
    "bert": {},
    "roberta": {"max_position_embeddings": 41, "pad_token_id": 0, "type_vocab_size": 1},
    "mpnet": {"max_position_embeddings": 42, "pad_token_id": 1},
    "modernbert": {"local_attention": 4, "pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3},
}


def tiny(folder, settings, family="bert"):
    """A random encoder of 40 positions with a tokenizer of `WORDS`."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    vocab = {word: number for number, word in enumerate(WORDS)}
    if family != "bert":  # they have no segments
        settings = {"model_input_names": ["input_ids", "attention_mask"], "model_max_length": 40, **settings}
    transformers.BertTokenizer(vocab=vocab, **settings).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    sizes |= {"vocab_size": len(WORDS), "max_position_embeddings": 40, **FAMILIES[family]}
    model = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(family, **sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return str(folder)


def sentence_transformer(folder, inputs):
    """Saves a random sentence-transformers model, with its files as `settings` change them, and encodes texts."""
    import sentence_transformers
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    arrays = np.load(inputs, allow_pickle=True)
    settings, texts = json.loads(str(arrays["settings"])), [text.decode() for text in arrays["texts"]]
    folder = pathlib.Path(folder)
    family = settings.get("family", "bert")
    base = tiny(folder.with_name(folder.name + "-base"), settings.get("tokenizer", {}), family)
    modules = [Transformer(base), Pooling(32, **settings.get("pooling", {}))]
    if settings.get("dense"):
        torch.manual_seed(1)
        modules.append(Dense(32, 8))
    if settings.get("normalize", settings.get("dense")):
        modules.append(Normalize())
    sentence_transformers.SentenceTransformer(modules=modules, **settings.get("prompts", {})).save(str(folder))
    for name, values in settings.get("files", {}).items():
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | values))
    model = sentence_transformers.SentenceTransformer(str(folder))
    encode = settings.get("encode", {})
    return {"embedding": model.encode(texts, **encode), "longest": model.max_seq_length}


def cross_encoder(folder, inputs):
    """Saves a random CrossEncoder, and scores pairs."""
    import sentence_transformers

    arrays = np.load(inputs, allow_pickle=True)
    settings = json.loads(str(arrays["settings"]))
    pairs = [tuple(text.decode() for text in pair) for pair in arrays["pairs"]]
    folder = pathlib.Path(folder)
    base = tiny(folder.with_name(folder.name + "-base"), {})
    kind = settings.pop("activation", None)
    activation = {} if kind is None else {"activation_fn": getattr(torch.nn, kind)()}
    torch.manual_seed(2)
    sentence_transformers.CrossEncoder(base, **settings, **activation).save(str(folder))
    model = sentence_transformers.CrossEncoder(str(folder))
    return {"score": model.predict(pairs), "longest": model.max_seq_length}


def logits(folder, inputs):
    """The outputs of the class `kind` of a folder."""
    kind = str(np.load(inputs)["kind"])
    model, loading = getattr(transformers, kind).from_pretrained(folder, output_loading_info=True)
    assert not loading["missing_keys"], loading
    batch, _ = features(inputs)
    batch = of_model(model, batch)
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
