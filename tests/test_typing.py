"""Editors and type checkers know the public names: what `make lint` cannot see of it."""

import ast
import pathlib

import pytest

import tfbert

ROOT = pathlib.Path(tfbert.__file__).parent
# Rooms with public functions that are not annotated yet. One whose functions all are is to be taken off the list.
NOT_YET = {
    "bulk",
    "checkpoints",
    "data",
    "encoders",
    "models",
}
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
    if room in NOT_YET:
        assert found, f"the functions of {room} are annotated: take it off NOT_YET"
        pytest.xfail(f"{len(found)} annotations are missing")
    assert not found, "\n".join(found)


def test_editors_know_the_names_that_are_imported_when_asked_for():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "typing.TYPE_CHECKING"
    )
    stated = {alias.asname: f"{node.module}.{alias.name}" for node in block.body for alias in node.names}
    public = {name: f"{module}.{name}" for name, module in tfbert._PUBLIC.items()}
    assert stated == {**public, **{room: f"tfbert.{room}" for room in tfbert._ROOMS}}
    assert sorted(stated) == dir(tfbert)


def test_the_package_says_that_it_has_types():
    assert (ROOT / "py.typed").exists()
    assert '"tfbert": ["py.typed"]' in (ROOT.parent / "setup.py").read_text(encoding="utf-8")
