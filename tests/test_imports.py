"""The order of the rooms, as the imports of every module show it, and what no module does when it is imported."""

import ast
import functools
import graphlib
import pathlib
import re

import pytest

import tfbert

ROOT = pathlib.Path(tfbert.__file__).parent
# From above to below: a room imports from the lines below its own, and from no other room of its line.
LEVELS = (
    {"launch", "layers"},
    {"runs", "bulk", "serving"},
    {"export"},
    {"models"},
    {"training"},
    {"tasks"},
    {"checkpoints", "data"},
    {"text", "encoders"},
    {"files", "memory", "settings", "hooks", "keras_names", "old_names"},
    {"errors", "temporary", "cpu"},
)
# The same for folders and files within a room, of those that are named.
LEVELS_WITHIN = {
    "serving": ("host", "models", "protocol"),
    "checkpoints": ("convert", "loading", "formats", "tensor_files"),
    "encoders": ("distilbert", "bert", "layers"),
    "runs": ("finetune", "callbacks", "report", "logs"),
    "data": ("pretraining", "reading", "readers", "table"),
    "text": ("tokenizer", "algorithms"),
}


def module_name(path):
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def nodes(tree, *, functions):
    """All nodes of a syntax tree but those for type checkers, and but the bodies of functions unless asked for."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and not functions:
            arguments = child.args
            parts = [*getattr(child, "decorator_list", ()), *arguments.defaults, *filter(None, arguments.kw_defaults)]
            for part in parts:
                yield from nodes(part, functions=functions)
            continue
        yield from nodes(child, functions=functions)


def imports(tree):
    """The modules that a module imports: whole names, and "package.name" of what may be a module or not.

    Where it imports by name at run time, every string that is a module's name counts.
    """
    by_name = "import_module" in ast.unparse(tree)
    for node in nodes(tree, functions=True):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif by_name and isinstance(node, ast.Constant) and node.value in FILES:
            yield node.value


@functools.cache
def parsed(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


@functools.cache
def edges():
    """All (importer, imported) between modules of tfbert, but for the package itself, which names all."""
    found = set()
    for name in FILES:
        targets = {target if target in FILES else target.rpartition(".")[0] for target in imports(parsed(name))}
        found |= {(name, target) for target in targets if target in FILES and target not in ("tfbert", name)}
    return {(name, target) for name, target in found if name != "tfbert"}


def part(name, depth):
    """Of a module: its room (depth 1), its folder or file in the room (depth 2), …"""
    return ".".join(name.split(".")[1 : depth + 1])


def is_up(name, target):
    """Whether an import is against the order."""
    room, other = part(name, 1), part(target, 1)
    if room != other:
        level = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}
        return level[room] >= level[other]
    order = LEVELS_WITHIN.get(room, ())
    inner, other = (f"{each}..".split(".")[2] for each in (name, target))
    return inner in order and other in order and order.index(inner) > order.index(other)


def circle(edges, depth):
    """Rooms, folders or modules that import each other in a circle; None where there is none."""
    found = {}
    for name, target in edges:
        own, other = part(name, depth), part(target, depth)
        if own and own != other:
            found.setdefault(own, set()).add(other)
    try:
        graphlib.TopologicalSorter(found).prepare()
    except graphlib.CycleError as error:
        return " -> ".join(error.args[1])
    return None


DEPTHS = {"rooms": 1, "folders and files of a room": 2, "modules": 9}


def test_every_room_has_its_place():
    assert {part(name, 1) for name in FILES} - {""} <= set().union(*LEVELS)


def test_what_functions_import_is_there():
    """An import in a function fails when it is called alone."""
    missing = []
    for name in FILES:
        for target in imports(parsed(name)):
            package, _, attribute = target.rpartition(".")
            if target.split(".")[0] == "tfbert" and target not in FILES and package != "tfbert":
                defined = FILES[package].read_text(encoding="utf-8") if package in FILES else ""
                if not re.search(rf"\b{attribute}\b", defined):
                    missing.append((name, target))
    assert missing == []


def test_imports_point_down():
    assert [edge for edge in sorted(edges()) if is_up(*edge)] == []


@pytest.mark.parametrize("of", DEPTHS)
def test_no_circle(of):
    assert circle(edges(), DEPTHS[of]) is None


def test_only_text_imports_tensorflow_text():
    users = {name for name in FILES for target in imports(parsed(name)) if target.split(".")[0] == "tensorflow_text"}
    assert users and {part(name, 1) for name in users} == {"text"}


def test_only_launch_knows_flags():
    users = {
        name for name in FILES for target in imports(parsed(name)) if target.startswith(("absl.flags", "absl.app"))
    }
    assert users and {part(name, 1) for name in users} == {"launch"}


# What reads the surroundings. `import tfbert` alone sets a variable before TensorFlow reads it, where the user has not.
READERS = ("os.environ", "os.getenv", "flags.FLAGS.", "FLAGS.", "urllib.", "socket.", "huggingface_hub.")
EXCEPTIONS = {("tfbert", "os.environ.setdefault"), ("tfbert", "os.environ")}


def test_imports_read_neither_environment_nor_flags_nor_network():
    found = set()
    for name in FILES:
        for node in nodes(parsed(name), functions=False):
            if isinstance(node, (ast.Attribute, ast.Name)):
                text = ast.unparse(node)
                if any(f"{text}.".startswith(reader if reader[-1] == "." else f"{reader}.") for reader in READERS):
                    found.add((name, text))
    assert found == EXCEPTIONS
