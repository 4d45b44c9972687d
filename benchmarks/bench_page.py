"""The rounds that were measured as tables of Markdown, between their markers in RESULTS.md, and the goals."""

import pathlib
import re
import statistics

import bench_plot
import goals

# A table stands between the lines that `marker` gives; what is around them is written by hand.
_BEGIN, _END = "<!-- bench: {} -->", "<!-- end of {} -->"


def write(path, plot, tables, kept, threads):
    """Puts tables, goals and the plot into the page; SystemExit names markers that it lacks."""
    path = pathlib.Path(path)
    page = path.read_text(encoding="utf-8")
    measured = {table.name: kept.of(table) for table in tables if kept.of(table)["rounds"]}
    by_name = {table.name: table for table in tables}
    for name, entry in measured.items():
        page = between(page, name, rendered(by_name[name], entry))
    page = between(page, "goals", goals.rendered(by_name, measured))
    page = between(page, "machine", machine(kept.fingerprint, measured, threads))
    bench_plot.draw(plot, by_name, measured)
    path.write_text(page, encoding="utf-8")


def between(page, name, text):
    """The page with the text between the markers of a name."""
    begin, end = _BEGIN.format(name), _END.format(name)
    found = re.search(f"{re.escape(begin)}\n.*?{re.escape(end)}", page, re.DOTALL)
    if found is None:
        raise SystemExit(f"the page lacks the lines {begin} and {end}")
    return f"{page[: found.start()]}{begin}\n{text}\n{end}{page[found.end() :]}"


def machine(fingerprint, measured, threads):
    """Where and when, and with which versions."""
    days = sorted({entry["measured"] for entry in measured.values()})
    when = " to ".join(dict.fromkeys(days[:1] + days[-1:]))
    versions = ", ".join(f"{name} {version}" for name, version in fingerprint["versions"].items())
    return (
        f"{fingerprint['cpu']}, {fingerprint['processors']} processors, {threads} threads unless said; {when}. "
        f"Medians of the rounds (lowest to highest).\n\n{versions}."
    )


def rendered(table, entry):
    """The table in Markdown, after its title: a line for each row, also of those that could not be measured."""
    columns = list(dict.fromkeys((work.name, figure.title) for work in table.works for figure in work.figures))
    one_work = len({work for work, _ in columns}) == 1
    heads = [title if one_work else f"{work}: {title}" for work, title in columns]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|"]
    for row in table.rows:
        cells = [cell(values(table, entry, row.name, *column), form(table, *column)) for column in columns]
        if reason := entry["reasons"].get(row.name):
            cells[0] = f"{cells[0]} {reason}".strip()
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    rounds = len(entry["rounds"])
    return f"{table.title}. {rounds} {'round' if rounds == 1 else 'rounds'}.\n\n" + "\n".join(lines)


def form(table, work, title):
    """How a column's numbers are written."""
    figures = (figure for each in table.works if each.name == work for figure in each.figures)
    return next(figure.form for figure in figures if figure.title == title)


def values(table, entry, row, work, title):
    """{number of the round: figure} of a row."""
    found = {}
    for each in table.works:
        figure = next((figure for figure in each.figures if figure.title == title), None)
        if each.name != work or figure is None or (each.only and row not in each.only):
            continue
        for number, measured in enumerate(entry["rounds"]):
            if answer := measured.get(row, {}).get(work):
                amount = answer[figure.key] if isinstance(figure.key, str) else figure.key
                found[number] = amount / answer["seconds"] if figure.per_second else amount * figure.times
    return found


def cell(found, form):
    """The median, and the range where there are several rounds."""
    if not found:
        return ""
    numbers = list(found.values())
    median = f"{statistics.median(numbers):,{form.lstrip(',')}}"
    return median if len(numbers) == 1 else f"{median} ({min(numbers):,{form}} to {max(numbers):,{form}})"
