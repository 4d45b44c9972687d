"""Which column of a CoNLL file is which, by what they hold: words, tags, numbers of words, placeholders."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from absl import logging

from tfbert.errors import ConfigError, DataError

Sentences = list[list[list[str]]]  # the fields of each word of each sentence
Column = list[list[str]]

_OUTSIDE = {"O", "o", "0"}
_PLACEHOLDERS = {"_", "-", "*", "-X-", ""}
_TAG = re.compile(r"[BIMESLU]([-_].*)?|[bimeslu][-_].+|.+[-_][BIMESLU]|\*\)?|\([^()*]+(\)|\*\)?)", re.DOTALL)
_NUMBER = re.compile(r"[-+]?\d+([.,:/-]\d+)*%?")
# Labels of phrases, of CoNLL-2000 and 2003 in English, German and Dutch; a column of these is no column of entities
# where there is another of tags.
_PHRASES = {
    *("NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP", "NC", "VC", "PC", "AC", "AP"),
    *("NX", "VX", "PX", "ADVX", "ADJX"),
}
_OF_CONLL_U = 10  # columns
_MANY = 50  # words of a file, of which more than half are different tags: these are none


def is_tag(value: str) -> bool:
    """Whether a field looks like a tag of an entity, such as B-place, per_I, U, or CoNLL-2012's (ORG*.

    >>> is_tag("B-place"), is_tag("Rome")
    (True, False)
    """
    return value in _OUTSIDE or _TAG.fullmatch(value) is not None


def named_columns(
    numbered: Mapping[str, Column], name: str, column_names: Sequence[str] = ()
) -> tuple[dict[str, Column], dict[str, str]]:
    """Numbered columns -> those that are found or named; and {words or tags: why it is not found}.

    A column is no word where it counts the words of a sentence, has one value in each sentence, is all placeholders
    such as _ or all numbers, or is of tags. Tags are the column whose values are of a scheme such as BIO; not those of
    phrases (NP, VP), and of nested tags the first. Without a scheme the last column is the tags. What is taken is
    logged, unless it is the first column and the last.

    Raises:
        ConfigError: another number of `column_names` than columns.

    >>> named_columns({"1": [["1"]], "2": [["Rome"]], "3": [["B-place"]], "4": [["_"]]}, "a.conll")
    ({'words': [['Rome']], 'tags': [['B-place']]}, {})
    """
    if column_names:
        if len(column_names) != len(numbered):
            raise ConfigError(
                f"{name}: {len(column_names)} column_names ({', '.join(column_names)}) for {_shown(numbered)}"
            )
        how = f"none of the column_names is 'words'; {_advice(numbered)}"
        return dict(zip(column_names, numbered.values(), strict=True)), {"words": how}
    kinds = {number: _kind(column) for number, column in numbered.items()}
    if len(numbered) == _OF_CONLL_U and not {"tags", "phrases"} & set(kinds.values()):
        what = f"ten columns and no tags of entities, as CoNLL-U has them: --format=conllu; or {_advice(numbered)}"
        return {}, {"words": what, "tags": what}
    words = _words(kinds)
    unread, tags = {}, None
    try:
        tags = _tags({number: column for number, column in numbered.items() if number != words}, kinds)
    except DataError as error:
        unread["tags"] = f"{error}; {_advice(numbered, words)}"
    if words is None:
        what = "all words are numbers" if {"numbers", "index"} & set(kinds.values()) else "no column holds words"
        unread["words"] = f"{what}; {_advice(numbered, tags=tags)}"
    elif words != "1" or tags != str(len(numbered)):
        said = f"words are column {words}" + (f" and tags column {tags}" if tags else "")
        others = ", ".join(f"{k} ({_example(column)})" for k, column in numbered.items() if k not in (words, tags))
        logging.info("%s: %s of %d; others are left out: %s", name, said, len(numbered), others)
    found = {"words": words, "tags": tags}
    return {part: numbered[column] for part, column in found.items() if column is not None}, unread


def _kind(column: Column) -> str:
    """What a column holds: index, placeholders, constant, tags, phrases, numbers or words."""
    if all(words == [str(i + (words[0] == "1")) for i in range(len(words))] for words in column):
        return "index"
    values = _values(column)
    if values <= _PLACEHOLDERS:
        return "placeholders"
    if all(map(is_tag, values)) and values != {"0"}:
        labels = {_label(value) for value in values - _OUTSIDE}
        if len(values) > len(values - _OUTSIDE) or any(len(value) > 1 for value in values):
            return "phrases" if labels and labels <= _PHRASES else "tags"
    if sum(map(len, column)) > len(column) + 1 and all(len(set(words)) == 1 for words in column):
        return "constant"
    if all(map(_NUMBER.fullmatch, values)):
        return "numbers"
    return "words"


def _words(kinds: Mapping[str, str]) -> str | None:
    """The number of the column of words: the first of the likeliest kind that there is."""
    tags = [number for number, kind in kinds.items() if kind in ("tags", "phrases")]
    for wanted in ("words", "constant"):
        found = [number for number, kind in kinds.items() if kind == wanted]
        if found:
            return found[0]
    return tags[0] if len(tags) > 1 and tags[0] == "1" else None  # a few words may look like tags: I, E-mail


def _values(column: Column) -> set[str]:
    return set(itertools.chain.from_iterable(column))


def _label(tag: str) -> str:
    found = re.fullmatch(r"[BIMESLUbimeslu][-_](.+)", tag) or re.fullmatch(r"(.+)[-_][BIMESLU]", tag)
    return found[1] if found else tag.strip("()*")


def _tags(numbered: Mapping[str, Column], kinds: Mapping[str, str]) -> str:
    """The number of the column of tags. Raises DataError where it is none, or one of several."""
    found = [number for number in numbered if kinds[number] == "tags"]
    found = found or [number for number in numbered if kinds[number] == "phrases"]
    labels = {number: set(map(_label, _values(numbered[number]))) - _OUTSIDE - {""} for number in found}
    if any(labels.values()):
        found = [number for number in found if labels[number]]
    if not found:
        return _bare_tags(numbered, kinds)
    first, *others = found
    if not labels[first]:
        return found[-1]  # of all O
    has_index = "index" in kinds.values()
    for other in others:
        same = bool(labels[first] & labels[other]) or has_index
        if not _is_nested(numbered[first], numbered[other], same):
            raise DataError(f"columns {', '.join(found)} may each be the tags")
    return first


def _is_nested(outer: Column, inner: Column, alike: bool) -> bool:
    """Whether tags stand within entities of the others; unless `alike`, these must leave out most words."""
    pairs = [pair for rows in zip(outer, inner, strict=True) for pair in zip(*rows, strict=True)]
    within = all(tag not in _OUTSIDE for tag, other in pairs if other not in _OUTSIDE)
    return within and (alike or sum(tag in _OUTSIDE for tag, _ in pairs) * 2 > len(pairs))


def _bare_tags(numbered: Mapping[str, Column], kinds: Mapping[str, str]) -> str:
    """The last column that may hold tags without a scheme: labels and O, or else parts of speech."""
    usable = [number for number in numbered if kinds[number] in ("words", "constant", "numbers")]
    with_outside = [number for number in usable if any({"O", "o"} & set(tags) for tags in numbered[number])]
    if not usable:
        raise DataError("no column holds tags")
    last = (with_outside or usable)[-1]
    values = [value for tags in numbered[last] for value in tags]
    if len(values) > _MANY and len(set(values)) > len(values) / 2:
        raise DataError(
            f"no column holds tags: column {last} has {len(set(values)):,} values for {len(values):,} words"
        )
    return last


def _example(column: Column) -> str:
    return repr(column[0][0] if len(column[0][0]) <= 20 else column[0][0][:17] + "...")


def _shown(numbered: Mapping[str, Column]) -> str:
    """What the columns are: the beginning of each."""
    return "the columns " + ", ".join(f"{k} ({' '.join(column[0][:3])!r:.40})" for k, column in numbered.items())


def _advice(numbered: Mapping[str, Column], words: str | None = None, tags: str | None = None) -> str:
    words, tags = words or "1", tags or str(len(numbered))
    return (
        f"name words and tags among {_shown(numbered)}: --config.columns.words={words} --config.columns.tags={tags}, "
        f"in Python columns={{'words': '{words}', 'tags': '{tags}'}}"
    )
