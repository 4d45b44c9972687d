"""Pieces of HTML for the report: every text in them is escaped, nothing comes from the network."""

import html

from tfbert.runs.report.printable import printable


def figure(title, about, svg, kind=""):
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)
    about = f"<span>{about}</span>" if about else ""
    return f'<figure class="{kind}"><figcaption><b>{escape(title)}</b> {about}</figcaption>{svg}</figure>'


def table(heads, rows, words, kind="", feet=0):
    """A table of HTML cells: `words` columns of text, then numbers; the last `feet` rows are its foot."""

    def line(cells, tag="td"):
        marked = (f"<{tag}{'' if i < words else ' class=n'}>{cell}</{tag}>" for i, cell in enumerate(cells))
        return f"<tr>{''.join(marked)}</tr>"

    body, foot = rows[: len(rows) - feet], "".join(map(line, rows[len(rows) - feet :]))
    return (
        f'<div class="table {kind}"><table><thead>{line(heads, "th")}</thead>'
        f"<tbody>{''.join(map(line, body))}</tbody>{f'<tfoot>{foot}</tfoot>' if foot else ''}</table></div>"
    )


def note(text):
    return f'<p class="note">{text}</p>'


def bdi(text):
    return f"<bdi>{escape(text)}</bdi>"  # right-to-left marks inside it do not turn what is around it


def escape(text):
    return html.escape(printable(str(text)))


CSS = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2126; --muted: #667080; --rule: #d9dde3;
  --first: #2f5d8c; --second: #b3502c; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #15181c; --ink: #e3e6ea;
  --muted: #98a2ae; --rule: #343b44; --first: #7fb0e0; --second: #e8976b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 3rem 1.5rem 5rem; max-width: 66rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 3rem 0 1rem; padding-top: .6rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1rem; margin: 2rem 0 .5rem; }
p { max-width: 42rem; }
.facts, .note, figcaption span, summary { color: var(--muted); }
.facts { margin: .4rem 0 1rem; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .9rem; }
a { color: var(--first); text-underline-offset: .2em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1.2rem; margin: 0; }
.tiles dt { color: var(--muted); font-size: .9rem; overflow-wrap: anywhere; }
.tiles dd { margin: 0; font-size: 1.7rem; line-height: 1.3; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 2rem; }
figure { margin: 0; max-width: 31rem; break-inside: avoid; }
figure.wide { max-width: none; }
figcaption { font-size: .9rem; margin-bottom: .5rem; }
.key::before { content: ""; display: inline-block; width: .7em; height: .7em; margin-right: .35em;
  background: var(--first); }
.key.dev::before { background: var(--second); }
svg { display: block; max-width: 100%; height: auto; overflow: visible; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
svg text { font-family: system-ui, sans-serif !important; unicode-bidi: isolate; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; line-height: 1.4; }
th, td { padding: .3rem 1.4rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
th { color: var(--muted); font-weight: 500; border-color: var(--muted); white-space: nowrap; }
td { overflow-wrap: anywhere; min-width: 4rem; max-width: 32rem; }
.n { text-align: right; white-space: nowrap; }
tfoot td { border: 0; font-weight: 600; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
.bar { display: inline-block; min-width: 7rem; background: linear-gradient(var(--first), var(--first))
  0 50% / calc(var(--value) * .55) .5rem no-repeat; }
.mistakes table { width: 100%; }
.mistakes td:nth-child(2) { width: 55%; min-width: 16rem; }
.mistakes ul { margin: 0; padding: 0; list-style: none; }
.mistakes hr { border: 0; border-top: 1px dashed var(--rule); margin: .4rem 0; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; text-align: start; }
summary { cursor: pointer; font-size: .9rem; }
@media print {
  :root { color-scheme: light; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  nav { display: none; }
  .table { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
