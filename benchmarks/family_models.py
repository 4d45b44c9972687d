"""Small random models of families of encoders, made and trained in an environment that has PyTorch `transformers`.

    python benchmarks/family_models.py write FOLDER VOCAB.txt LAYERS WIDTH [FAMILY …]
    python benchmarks/family_models.py train FOLDER RECIPE [FAMILY …]

`write` makes a folder of each family, a classifier without dropout; `train` reads FOLDER/batches.npz and a recipe, as
JSON, from benchmarks/family_curves.py, and writes FOLDER/FAMILY/torch.npz, the loss of each step.
"""

import json
import pathlib
import shutil
import sys
import types

import numpy as np
import torch
import torch_recipe
import transformers

# What differs from BERT's names of sizes, or makes of a small model one that does all that a large one does.
FAMILIES = {
    "bert": {},
    "roberta": {"type_vocab_size": 1, "layer_norm_eps": 1e-5},
    "electra": {},
    "albert": {"hidden_act": "gelu_new"},
    "mpnet": {"layer_norm_eps": 1e-5, "pad_token_id": 1},  # from which it counts positions, in code
    "deberta-v2": {
        "relative_attention": True,
        "position_buckets": 256,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "type_vocab_size": 0,
        "layer_norm_eps": 1e-7,
    },
    "modernbert": {"local_attention": 16},
}
DROPOUT = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "classifier_dropout_prob",
    "pooler_dropout",
    "embedding_dropout",
    "mlp_dropout",
    "attention_dropout",
)
NUDGE = 1e-7  # of weights, relative: as much as float32 rounds
SPECIAL = {"pad_token_id": 0, "bos_token_id": 101, "eos_token_id": 102, "cls_token_id": 101, "sep_token_id": 102}


def write(folder, family, vocab, layers, width):
    """A folder of a classifier with two labels, of the vocabulary of google-bert/bert-base-uncased."""
    values = {
        "vocab_size": len(pathlib.Path(vocab).read_text(encoding="utf-8").splitlines()),
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 32,
        "intermediate_size": 4 * width,
        "max_position_embeddings": 514,
        "embedding_size": width // 2,
        "num_labels": 2,
        **dict.fromkeys(DROPOUT, 0.0),
        **SPECIAL,
        **FAMILIES[family],
    }
    known = {*transformers.CONFIG_MAPPING[family]().to_dict(), *FAMILIES[family], "num_labels"}
    config = transformers.AutoConfig.for_model(family, **{key: values[key] for key in values if key in known})
    torch.manual_seed(0)
    transformers.AutoModelForSequenceClassification.from_config(config).save_pretrained(folder / family)
    shutil.copy(vocab, folder / family / "vocab.txt")


def train(folder, family, recipe):
    """The loss of each step, {run: [steps]}: of the batches, of the same with nudged weights, of other batches."""
    batches = np.load(folder / "batches.npz")
    losses = {}
    for name, order, nudge in (("torch", 0, 0.0), ("nudged", 0, NUDGE), ("other", 1, 0.0)):
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder / family).train()
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1 + nudge * torch.randn_like(parameter))
        ids, labels = (torch.from_numpy(batches[part][order]).long() for part in ("token_ids", "label"))
        optimizer, schedule = torch_recipe.optimizer_of(model, recipe, len(ids), eps=recipe.epsilon)
        losses[name] = [step(model, *batch, recipe, optimizer, schedule) for batch in zip(ids, labels, strict=True)]
    return losses


def step(model, ids, labels, recipe, optimizer, schedule):
    ids = ids[:, (ids != 0).any(0)]
    loss = model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss
    torch_recipe.step(loss, model, optimizer, schedule, recipe.clip_norm)
    return loss.item()


def main():
    verb, folder, *given = sys.argv[1:]
    torch.set_num_threads(1)  # several wait for each other where other programs run
    count = {"write": 3, "train": 1}[verb]
    for family in given[count:] or FAMILIES:
        if verb == "write":
            write(pathlib.Path(folder), family, given[0], int(given[1]), int(given[2]))
        else:
            recipe = types.SimpleNamespace(**json.loads(given[0]))
            np.savez(pathlib.Path(folder, family, "torch.npz"), **train(pathlib.Path(folder), family, recipe))


if __name__ == "__main__":
    main()
