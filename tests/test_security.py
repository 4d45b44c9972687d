"""SECURITY.md names flags and tests that are there, and stays short."""

import pathlib
import re

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
TEXT = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")


def test_flags_and_files_that_are_named_exist():
    programs = "\n".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "tfbert/launch").glob("*.py"))
    flags = set(re.findall(r"(?<=--)(?:no)?(\w+)", TEXT))
    assert len(flags) > 10 and not [flag for flag in flags if f'"{flag}"' not in programs]
    paths = re.findall(r"\b(?:tests|tfbert)/[\w/]+\.py", TEXT)
    assert len(paths) >= 5 and all((REPOSITORY / path).is_file() for path in paths)
    assert len(TEXT.splitlines()) <= 100
    assert "SECURITY.md" in (REPOSITORY / "README.md").read_text(encoding="utf-8")
