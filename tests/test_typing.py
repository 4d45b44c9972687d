"""Editors and type checkers know the public names: what `make lint` cannot see of it."""

import ast
import dataclasses
import inspect
import pathlib
import typing

import mypy.api
import pytest

import tfbert
from tfbert.models import settings

ROOT = pathlib.Path(tfbert.__file__).parent
MODELS = [name for name, module in tfbert._PUBLIC.items() if module.startswith("tfbert.models.")]
ROOMS = sorted({path.relative_to(ROOT).parts[0].removesuffix(".py") for path in ROOT.rglob("*.py")})


def public_functions(body, owner=""):
    """(its name, function) of a module's public functions and of its public classes' methods, properties included."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{owner}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if not node.name.startswith("_") or node.name == "__init__":
                yield f"{owner}{node.name}", node


def lacking(function):
    """What of a function's signature has no annotation."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    missing = [each.arg for each in named if each and each.annotation is None and each.arg not in ("self", "cls")]
    return missing + ["return"] * (function.returns is None and function.name != "__init__")


@pytest.mark.parametrize("room", ROOMS)
def test_public_functions_are_annotated(room):
    found = []
    for path in [ROOT / f"{room}.py"] if (ROOT / f"{room}.py").exists() else sorted((ROOT / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, function in public_functions(tree.body):
            found += [f"{path.relative_to(ROOT)}, {name}: {missing}" for missing in lacking(function)]
    assert not found, "\n".join(found)


def test_editors_know_the_names_that_are_imported_when_asked_for():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    stated = {alias.asname: f"{node.module}.{alias.name}" for node in block.body for alias in node.names}
    public = {name: f"{module}.{name}" for name, module in tfbert._PUBLIC.items()}
    assert stated == {**public, **{room: f"tfbert.{room}" for room in tfbert._ROOMS}}
    assert sorted(stated) == dir(tfbert)


def test_from_checkpoint_names_the_settings_of_the_task(monkeypatch, tmp_path):
    """mypy sees the settings of every model: an unknown one and one of another type are errors, a right one is none."""
    calls = []
    for name in MODELS:
        fields = {field.name for field in dataclasses.fields(getattr(tfbert, name).task_class)} - {"tokenizer"}
        stated = typing.get_type_hints(getattr(settings, f"{name}Settings"))
        parameters = inspect.signature(getattr(tfbert, name).from_checkpoint).parameters
        assert stated.keys() == fields | {"dtype", "unused_embeddings", "added_tokens"}, name
        assert stated.keys() - fields == {each.name for each in parameters.values() if each.kind == each.KEYWORD_ONLY}
        calls += [f"tfbert.{name}.from_checkpoint('x', max_length=8)"]
        calls += [f"tfbert.{name}.from_checkpoint('x', {wrong})" for wrong in ("max_len=8", "max_length='8'")]
    program = tmp_path / "program.py"
    program.write_text("\n".join(["import tfbert", *calls]), encoding="utf-8")
    monkeypatch.setenv("MYPYPATH", str(ROOT.parent))
    report, errors, _ = mypy.api.run(["--config-file", str(ROOT.parent / "pyproject.toml"), str(program)])
    lines = [int(line.split(":")[1]) for line in report.splitlines() if ": error:" in line]
    assert lines == [line for i in range(len(MODELS)) for line in (3 * i + 3, 3 * i + 4)], report + errors


def test_the_package_says_that_it_has_types():
    assert (ROOT / "py.typed").exists()
    assert '"tfbert": ["py.typed"]' in (ROOT.parent / "setup.py").read_text(encoding="utf-8")
