"""The tokenizer's part of a model folder: vocab.txt, tokenizer_config.json and tokenizer.json."""

import json
import pathlib

from tfbert.errors import ConfigError, VocabularyError
from tfbert.files import replace_file
from tfbert.text.vocabulary import REQUIRED_TOKENS, Vocabulary

_NO_LIMIT = 1_000_000  # Hugging Face writes 1e30 where a tokenizer has no maximum


def read_folder(folder):
    """Returns the Vocabulary of `folder` and a dict of those of Tokenizer's arguments that the folder states.

    tokenizer_config.json is asked first, then tokenizer.json. With neither, as in Google's TF1 folders, the
    text is lower-cased unless the vocabulary holds a word with a capital letter. Raises VocabularyError and
    ConfigError.
    """
    folder = pathlib.Path(folder)
    fast = _read_json(folder / "tokenizer.json")
    config = _read_json(folder / "tokenizer_config.json")
    if (folder / "vocab.txt").exists():
        vocabulary = Vocabulary.from_file(folder / "vocab.txt")
    elif fast is not None:
        vocabulary = _vocabulary(fast, folder / "tokenizer.json")
    else:
        raise VocabularyError(f"there is neither vocab.txt nor tokenizer.json in {folder}")

    settings = {}
    normalizer = (fast or {}).get("normalizer") or {}
    if normalizer.get("type") == "BertNormalizer":
        settings["lower_case"] = normalizer.get("lowercase", True)
        settings["strip_accents"] = normalizer.get("strip_accents")
        settings["tokenize_chinese_chars"] = normalizer.get("handle_chinese_chars", True)
    elif config is None:
        settings["lower_case"] = not _has_capitals(vocabulary)
    settings.update(_settings(config or {}, folder / "tokenizer_config.json"))
    return vocabulary, settings


def write_folder(folder, tokenizer):
    """Writes vocab.txt and tokenizer_config.json; removes tokenizer.json, which would be read before them."""
    folder = pathlib.Path(folder)
    for number, token in enumerate(tokenizer.vocabulary):
        if "\n" in token:
            raise VocabularyError(f"token {number}, {token!r}, has a line break and cannot be a line of vocab.txt")
    with replace_file(folder / "vocab.txt", "wb") as file:
        file.write("".join(f"{token}\n" for token in tokenizer.vocabulary).encode("utf-8"))
    config = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": tokenizer.lower_case,
        "strip_accents": tokenizer.strip_accents,
        "tokenize_chinese_chars": tokenizer.tokenize_chinese_chars,
        "model_max_length": tokenizer.max_length,
    }
    config.update({f"{token[1:-1].lower()}_token": token for token in (*REQUIRED_TOKENS, "[MASK]")})
    with replace_file(folder / "tokenizer_config.json") as file:
        json.dump(config, file, indent=2)
        file.write("\n")
    (folder / "tokenizer.json").unlink(missing_ok=True)


def _read_json(path):
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a JSON object")
    return content


def _settings(config, path):
    if config.get("word_tokenizer_type", "basic") != "basic":
        raise ConfigError(
            f"{path}: word_tokenizer_type={config['word_tokenizer_type']!r}; the graph splits words by "
            "BERT's own rules only: split the texts beforehand and remove this key"
        )
    names = {
        "do_lower_case": "lower_case",
        "strip_accents": "strip_accents",
        "tokenize_chinese_chars": "tokenize_chinese_chars",
    }
    stated = {key: config[key] for key in names if key in config}
    for key, value in stated.items():
        if not (isinstance(value, bool) or (key == "strip_accents" and value is None)):
            raise ConfigError(f"{path}: {key} is {value!r}; expected true or false")
    settings = {names[key]: value for key, value in stated.items()}
    max_length = config.get("model_max_length", config.get("max_len"))
    if not isinstance(max_length, (int, float, type(None))):
        raise ConfigError(f"{path}: model_max_length is {max_length!r}; expected a number")
    if max_length is not None and max_length < _NO_LIMIT:
        settings["max_length"] = int(max_length)
    return settings


def _vocabulary(fast, path):
    model = fast.get("model") or {}
    ids = model.get("vocab")
    if model.get("type", "WordPiece") != "WordPiece" or not isinstance(ids, dict) or "merges" in model:
        raise VocabularyError(f"{path} holds no WordPiece vocabulary")
    ids = {**ids, **{token["content"]: token["id"] for token in fast.get("added_tokens") or []}}
    tokens = [""] * (max(ids.values(), default=-1) + 1)
    for token, number in ids.items():
        tokens[number] = token
    try:
        return Vocabulary(tokens)
    except VocabularyError as error:
        raise VocabularyError(f"{path}: {error}") from error


def _has_capitals(vocabulary):
    return any(len(token) > 1 and token.isalpha() and token != token.lower() for token in vocabulary)
