"""Writes the report's page from the templates: every text is escaped, and nothing comes from the network."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import jinja2
import markupsafe

from tfbert.files import replace_file
from tfbert.runs.report.printable import number, printable

CLIP = 500  # characters of a text shown before "more"


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the page: templates/TEMPLATE.html.jinja makes it of its `data`."""

    title: str
    template: str
    data: Any

    @property
    def anchor(self) -> str:
        return self.title.lower().replace(" ", "-")


@dataclasses.dataclass(frozen=True)
class Figure:
    """An SVG element with its caption."""

    title: str
    svg: str
    about: str = ""
    keys: tuple[tuple[str, str], ...] = ()  # (train or dev, which gives the colour; what it stands for)
    wide: bool = False


def note(title: str, text: str) -> Section:
    """A section that only says why there is nothing in it."""
    return Section(title, "note", text)


def write_page(
    path: str | os.PathLike, *, title: str, source: str, facts: Iterable[str], sections: Iterable[Section]
) -> None:
    """Writes the sections under a title and a line with the source of the data and facts about it."""
    page = _TEMPLATES.get_template("page.html.jinja").render(
        title=title, source=source, facts=facts, sections=list(sections)
    )
    with replace_file(path) as file:
        file.write(page)


def settings_section(config: Mapping[str, Any]) -> Section:
    """All settings, also those inside of others, in a table that opens."""

    def flat(prefix, value):
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from flat([*prefix, str(key)], inner)
        else:
            yield ".".join(prefix), str(value)

    if not config:
        return note("Configuration", "No configuration was given.")
    return Section("Configuration", "settings", list(flat([], config)))


def metrics_section(metrics: Mapping[str, float]) -> Section:
    """Metrics as large numbers."""
    return Section("Metrics", "metrics", metrics) if metrics else note("Metrics", "No metrics were computed.")


def figures_section(title: str, figures: list[Figure], otherwise: str) -> Section:
    """Figures beside each other, or a note of what is `otherwise`."""
    return Section(title, "figures", figures) if figures else note(title, otherwise)


def _clip(text: str) -> tuple[str, str]:
    """The beginning of a long text, cut at a space where there is one, and its rest; all of a short one and ""."""
    text = str(text)
    if len(text) <= 1.1 * CLIP:
        return text, ""
    cut = text.rfind(" ", CLIP - 40, CLIP) + 1 or CLIP
    return text[:cut], text[cut:]


def _svg(figure: Figure) -> markupsafe.Markup:
    """The SVG with a name for screen readers."""
    label = markupsafe.escape(printable(figure.title))
    return markupsafe.Markup(figure.svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))


def _printable(value: Any) -> Any:
    return printable(value) if type(value) is str else value  # not Markup, which is HTML already


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=_printable,
)
_TEMPLATES.filters["number"] = number
_TEMPLATES.filters["clip"] = _clip
_TEMPLATES.filters["svg"] = _svg
