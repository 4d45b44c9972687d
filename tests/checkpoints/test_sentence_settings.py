"""What the files of sentence-transformers of all versions say, and what of it is refused."""

import json
import shutil

import numpy as np
import pytest

from tfbert import SentenceEncoder, TextClassifier
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.checkpoints.formats import sentence_modules
from tfbert.checkpoints.formats.sentence_transformers import settings
from tfbert.errors import CheckpointError, ConfigError, DataError

MODULES = [
    ("", "sentence_transformers.base.modules.transformer.Transformer"),
    ("1_Pooling", "sentence_transformers.sentence_transformer.modules.pooling.Pooling"),
    ("2_Normalize", "sentence_transformers.base.modules.normalize.Normalize"),
]
PROMPTS = {"prompts": {"query": "where is ", "document": ""}, "default_prompt_name": "query"}


@pytest.fixture
def folder(tiny_checkpoint, tmp_path):
    """As sentence-transformers 6.2 writes it."""
    shutil.copytree(tiny_checkpoint, tmp_path / "model")
    write(tmp_path / "model", "modules", [{"path": path, "type": kind} for path, kind in MODULES])
    for path, _ in MODULES[1:]:
        (tmp_path / "model" / path).mkdir()
    write(tmp_path / "model", "1_Pooling/config", {"embedding_dimension": 32, "pooling_mode": "weightedmean"})
    task = {"transformer_task": "feature-extraction", "module_output_name": "token_embeddings"}
    write(tmp_path / "model", "sentence_bert_config", task)
    return tmp_path / "model"


def write(folder, name, values):
    (folder / f"{name}.json").write_text(json.dumps(values))


@pytest.mark.parametrize("kind", ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_the_pooling_is_a_word_or_a_key(folder, kind):
    write(folder, "1_Pooling/config", {"pooling_mode": kind})
    assert settings(open_checkpoint(folder))["pooling"] == kind
    write(folder, "1_Pooling/config", {"pooling_mode": [kind]})
    assert settings(open_checkpoint(folder))["pooling"] == kind
    names = {"lasttoken": "pooling_mode_lasttoken", "cls": "pooling_mode_cls_token"}
    name = names.get(kind, f"pooling_mode_{kind.removesuffix('_tokens')}_tokens")
    write(folder, "1_Pooling/config", {name: True, "pooling_mode_other": False})
    assert settings(open_checkpoint(folder))["pooling"] == kind


def test_the_longest_text(folder):
    assert settings(open_checkpoint(folder))["max_length"] == 128  # the positions
    config = json.loads((folder / "tokenizer_config.json").read_text())
    write(folder, "tokenizer_config", {**config, "model_max_length": 77})
    assert settings(open_checkpoint(folder))["max_length"] == 77
    write(folder, "sentence_other_config", {"max_seq_length": 9})
    assert settings(open_checkpoint(folder))["max_length"] == 77
    (folder / "sentence_bert_config.json").unlink()
    assert settings(open_checkpoint(folder))["max_length"] == 9
    (folder / "sentence_other_config.json").unlink()
    write(folder, "tokenizer_config", {"model_max_length": "a"})
    with pytest.raises(ConfigError, match="model_max_length is 'a'; expected a number"):
        settings(open_checkpoint(folder))


def test_prompts(folder, tmp_path):
    plain = SentenceEncoder.from_checkpoint(folder)
    write(folder, "config_sentence_transformers", PROMPTS)
    model = SentenceEncoder.from_checkpoint(folder)
    wanted = plain.encode(["where is my order", "where is it"])
    np.testing.assert_allclose(model.encode(["my order", "it"]), wanted, atol=1e-6)
    np.testing.assert_allclose(model.encode(["where is it"], prompt_name="document"), wanted[1:], atol=1e-6)
    np.testing.assert_allclose(model.encode("is it", prompt="where "), wanted[1], atol=1e-6)
    with pytest.raises(ConfigError, match=r"no prompt 'querry'; the model has query, document; did you mean 'query'\?"):
        model.encode("it", prompt_name="querry")
    model.save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved/config_sentence_transformers.json").read_text()) == PROMPTS
    assert SentenceEncoder.from_checkpoint(tmp_path / "saved").task.settings() == model.task.settings()
    write(folder, "config_sentence_transformers", {**PROMPTS, "default_prompt_name": "passage"})
    with pytest.raises(CheckpointError, match="default_prompt_name 'passage' is none of prompts, query, document"):
        SentenceEncoder.from_checkpoint(folder)


def test_a_prompt_that_is_not_pooled(folder):
    write(folder, "config_sentence_transformers", PROMPTS)
    write(folder, "1_Pooling/config", {"pooling_mode": "mean", "include_prompt": False})
    model = SentenceEncoder.from_checkpoint(folder)
    assert (model.task.include_prompt, model.task.skipped_tokens) == (False, 3)  # [CLS] where is
    hidden = model.encoder(model.task.tokenizer(["where is my order"]))["sequence_output"].numpy()
    wanted = hidden[0, 3:].mean(0)
    np.testing.assert_allclose(model.encode("my order"), wanted / np.linalg.norm(wanted), atol=1e-6)
    with pytest.raises(ConfigError, match="leaves the tokens of its prompt 'where is ' out of the pooling"):
        model.encode("my order", prompt_name="document")


def test_do_lower_case(folder):
    config = json.loads((folder / "tokenizer_config.json").read_text())
    write(folder, "tokenizer_config", {**config, "do_lower_case": False})
    assert not open_checkpoint(folder).tokenizer().lower_case
    write(folder, "sentence_bert_config", {"do_lower_case": True})
    tokenizer = open_checkpoint(folder).tokenizer()
    assert (tokenizer.lower_case, bool(tokenizer.strip_accents)) == (True, False)
    ids = tokenizer.tokenize(["My ORDER", "my order"]).to_list()
    assert ids[0] == ids[1] and tokenizer.unknown_id not in ids[0]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "1_Pooling/config",
            {"pooling_mode": ["cls", "mean"]},
            "asks for cls and mean, and tfbert has one of mean, cls",
        ),
        ("1_Pooling/config", {"pooling_mode": "median"}, "asks for median"),
        ("sentence_bert_config", {"module_output_name": "pooler"}, "Transformer has module_output_name='pooler'"),
        ("sentence_bert_config", {"query_expansion": {"length": 32}}, "Transformer has query_expansion="),
        ("2_Normalize/config", {"module_input_name": "x"}, "Normalize has module_input_name='x', which tfbert"),
        ("1_Pooling/config", {"pooling_mode": 4}, "asks for 4"),
        ("config_sentence_transformers", {"prompts": [""]}, "prompts must be an object of texts"),
        ("config_sentence_transformers", {"prompts": []}, "prompts must be an object of texts"),
        ("config_sentence_transformers", {"prompts": True}, "prompts must be an object of texts"),
        ("config_sentence_transformers", {"prompts": {"query": 1e-320}}, "prompts must be an object of texts"),
        ("config_sentence_transformers", {"default_prompt_name": [[]]}, r"default_prompt_name \[\[\]\] is none of"),
        *(
            ("sentence_bert_config", {"max_seq_length": length}, "max_seq_length must be a number of tokens, not ")
            for length in ({"a": 12}, {}, ".", "", float("inf"), -1, True, False)
        ),
    ],
)
def test_refused_by_name(folder, name, values, message):
    write(folder, name, values)
    with pytest.raises(CheckpointError, match=message):
        SentenceEncoder.from_checkpoint(folder)


@pytest.fixture
def cross_encoder(tiny_checkpoint, tmp_path):
    """As sentence-transformers 6.2 writes one: one logit, and only the module Transformer."""
    folder = tmp_path / "cross"
    model = TextClassifier.from_checkpoint(tiny_checkpoint, problem="regression")
    model.network.get_layer("classifier").set_weights([np.full((32, 1), 0.3), np.array([-0.5])])
    model.save(folder)
    config = json.loads((folder / "config.json").read_text())
    write(folder, "config", {key: value for key, value in config.items() if key not in ("tfbert", "problem_type")})
    write(folder, "modules", [{"path": "", "type": MODULES[0][1]}])
    write(folder, "config_sentence_transformers", {"model_type": "CrossEncoder", "prompts": {}})
    write(
        folder, "sentence_bert_config", {"transformer_task": "sequence-classification", "module_output_name": "scores"}
    )
    return folder


PAIR = {"text": ["my order", "refund"], "text_pair": ["it is on monday", "money back"]}


def test_a_cross_encoder(cross_encoder, tmp_path):
    model = TextClassifier.from_checkpoint(cross_encoder)
    assert (model.task.problem, model.task.activation, model.task.pairs) == ("regression", "sigmoid", True)
    logits = np.asarray(model(model.task.features(PAIR)))[:, 0]
    scores = [row["score"] for row in model.predict(PAIR, verbose=0)]
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)), atol=1e-6)
    model.compile()
    assert "pearson" in model.evaluate(PAIR, [0.0, 1.0], return_dict=True, verbose=0)
    loss = model.evaluate(PAIR, [0.0, 1.0], return_dict=True, verbose=0)["loss"]
    np.testing.assert_allclose(loss, -np.mean([np.log(1 - scores[0]), np.log(scores[1])]), atol=1e-5)
    with pytest.raises(DataError, match="4 is not from 0 to 1, as activation='sigmoid' asks"):
        model.fit(PAIR, [0.0, 4.0], verbose=0)
    convert(open_checkpoint(cross_encoder), "hf", tmp_path / "converted")
    assert not (tmp_path / "converted/modules.json").exists()


@pytest.mark.parametrize("place", ["config_sentence_transformers", "sentence_transformers", "before"])
@pytest.mark.parametrize("kind", ["torch.nn.modules.linear.Identity", "torch.nn.modules.activation.Sigmoid"])
def test_its_activation(cross_encoder, place, kind):
    config = json.loads((cross_encoder / "config.json").read_text())
    if place == "config_sentence_transformers":
        write(cross_encoder, place, {"model_type": "CrossEncoder", "activation_fn": kind})
    else:  # of 4.0 to 5.3, and before
        for name in ("config_sentence_transformers", "modules", "sentence_bert_config"):
            (cross_encoder / f"{name}.json").unlink()
        key = "sbert_ce_default_activation_function"
        about = {"sentence_transformers": {"activation_fn": kind}} if place == "sentence_transformers" else {key: kind}
        write(cross_encoder, "config", {**config, **about})
    task = TextClassifier.from_checkpoint(cross_encoder).task
    assert (task.activation, task.pairs) == ("linear" if "Identity" in kind else "sigmoid", True)


def test_a_cross_encoder_that_is_refused(cross_encoder):
    about = {"model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.activation.Tanh"}
    write(cross_encoder, "config_sentence_transformers", about)
    with pytest.raises(CheckpointError, match="has the activation torch.nn.modules.activation.Tanh; tfbert has"):
        TextClassifier.from_checkpoint(cross_encoder)
    write(cross_encoder, "config_sentence_transformers", {"model_type": "CrossEncoder", **PROMPTS})
    with pytest.raises(CheckpointError, match="the default prompt 'where is ' is put before the first text"):
        TextClassifier.from_checkpoint(cross_encoder)


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize("pooling", ["cls", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_poolings_in_onnx(tiny_checkpoint, tmp_path, pooling, is_whole):
    onnxruntime = pytest.importorskip("onnxruntime")
    from tfbert.export.onnx.files import write_onnx

    about = {"pooling": pooling, "include_prompt": is_whole, "prompt": "where is "}
    model = SentenceEncoder.from_checkpoint(tiny_checkpoint, **about)
    write_onnx(model, tmp_path, ["float32"])
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    features = model.task.features({"text": ["my order", "it", "the red lamp that is late ?"]})
    inputs = {found.name: features[found.name].numpy() for found in session.get_inputs()}
    np.testing.assert_allclose(session.run(["embedding"], inputs)[0], model(features), atol=1e-5)


@pytest.mark.parametrize(
    "listed",
    [
        "[" * 5000 + "]" * 5000,
        *(
            json.dumps([{"type": f"a.{kind}", "path": path}])
            for kind in ("Pooling", "Normalize")
            for path in ("x" * 5000, "a\0b", "\ud800", 3)
        ),
    ],
)
def test_modules_that_are_none(listed, tmp_path):
    (tmp_path / "modules.json").write_text(listed)
    with pytest.raises(CheckpointError, match=r"modules\.json (is no list of modules|names)"):
        sentence_modules.modules_of(tmp_path)
