"""The report of a pretraining run: curves, and what the model fills into held-out texts over time."""

from tfbert.runs.report import markup
from tfbert.runs.logs.history_file import read_history
from tfbert.runs.report.report import configuration, curves, tiles, write_page

_STEPS = 5  # of those that a text is shown at, the first and the last among them


def write_pretraining_report(folder, *, config, history, metrics, data):
    """Writes report.html into a run folder.

    Args:
        config: its settings, a dict.
        history: the rows of its metrics.jsonl.
        metrics: of the last evaluation.
        data: the training `Shards`.
    """
    sections = {
        "Metrics": tiles(metrics),
        "Training": curves(history),
        "Filled-in masks": _filled(read_history(folder / "filled_masks.jsonl")),
        "Configuration": configuration(config),
    }
    share = data.tokens / (data.rows * data.max_length)
    facts = (
        f"{markup.bdi(str(data.folder))} · {data.rows:,} rows · {data.tokens:,} tokens · {share:.1%} of the places in "
        "rows are tokens"
    )
    write_page(folder / "report.html", folder.name, facts, sections)


def _filled(lines):
    if not lines:
        return markup.note("No held-out texts were filled in.")
    last = len(lines) - 1
    chosen = [lines[i] for i in sorted({round(k * last / (_STEPS - 1)) for k in range(_STEPS)})]
    texts = []
    for row in range(len(chosen[0]["rows"])):
        cells = [[f"{line['step']:,}", _text(line["rows"][row])] for line in chosen]
        texts.append(markup.table(["Step", "Text"], cells, 2, "mistakes"))
    about = "What the model fills in; where it is wrong, what stood there follows struck through."
    return markup.note(about) + "".join(texts)


def _text(pieces):
    marked = []
    for piece in pieces:
        if isinstance(piece, str):
            marked.append(markup.escape(piece))
        elif piece[0] == piece[1]:
            marked.append(f"<b>{markup.escape(piece[0])}</b>")
        else:
            marked.append(f"<i>{markup.escape(piece[0])}</i> <s>{markup.escape(piece[1])}</s>")
    return f'<div class="text">{" ".join(marked)}</div>'
