"""Nothing outside of tfbert/text knows how tokens are spelled, what stands around texts, or tensorflow-text."""

import ast
import pathlib

import pytest

import tfbert

PACKAGE = pathlib.Path(tfbert.__file__).parent
SPELLINGS = ("##", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "[unused")
ROLES = ("unknown", "start", "separator", "padding", "mask")
EXCEPTIONS = {
    # Texts that try how a served model reads what spells a special token.
    ("tasks/golden_texts.py", "[MASK] and [SEP] stand in this text 🙂👍🏽"),
    ("tasks/token_classification/golden.py", "[MASK]"),
}


def faults(source):
    """(line, what it knows) of a module's code, its docstrings apart."""
    tree, found = ast.parse(source), []
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in docstrings:
            text = node.value.decode("utf-8", "replace") if isinstance(node.value, bytes) else node.value
            if any(spelling in text for spelling in SPELLINGS):
                found.append((node.lineno, text))
        elif isinstance(node, ast.Import):
            found += [(node.lineno, a.name) for a in node.names if a.name.split(".")[0] == "tensorflow_text"]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tensorflow_text":
            found.append((node.lineno, node.module))
        elif isinstance(node, ast.Compare) and not isinstance(node.ops[0], ast.In | ast.NotIn):
            constants = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            if "segment_ids" in constants:
                found.append((node.lineno, ast.unparse(node)))
        elif isinstance(node, ast.Attribute) and node.attr in ROLES:
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if owner.startswith("special"):
                found.append((node.lineno, ast.unparse(node)))
    return found


def test_nothing_outside_of_text_knows_it():
    found, files = [], [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "text"]
    for path in files:
        name = path.relative_to(PACKAGE).as_posix()
        found += [
            f"{name}:{line}: {what}"
            for line, what in faults(path.read_text(encoding="utf-8"))
            if (name, what) not in EXCEPTIONS
        ]
    assert len(files) > 150
    assert not found, "ask the tokenizer instead: " + "; ".join(found)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('"""A module about [CLS] and ##."""\nx = "a"', 0),
        ('def f():\n    """Of [SEP]."""\n    return "## [SEP]"', 1),
        ('x = token.startswith("##")', 1),
        ('x = f"no {name}, [unused{i}]"', 1),
        ('x = b"[MASK]"', 1),
        ("import tensorflow_text as text", 1),
        ("def f():\n    from tensorflow_text.python import ops", 1),
        ('is_second = features["segment_ids"] == 1', 1),
        ('has = "segment_ids" in encoder.input_names', 0),
        ("x = tokenizer.special_tokens.start", 1),
        ("x = special.mask", 1),
        ("x = sentence.start", 0),
    ],
)
def test_what_counts(source, count):
    assert len(faults(source)) == count


def test_every_exception_is_needed():
    known = {
        (path, what)
        for path in {path for path, _ in EXCEPTIONS}
        for _, what in faults((PACKAGE / path).read_text("utf-8"))
    }
    assert known >= EXCEPTIONS
