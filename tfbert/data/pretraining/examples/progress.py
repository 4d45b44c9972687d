"""How far the making of examples is, as a progress bar."""

from __future__ import annotations

import collections
from typing import Any, Self

import tqdm

from tfbert.data.pretraining.examples.out_folder import OutFolder
from tfbert.data.pretraining.examples.plan import Item


class Progress:
    """A progress bar over the text of finished parts and items, read from the folder, whatever runner makes them.

    >>> out = OutFolder("new_examples")
    >>> with Progress(out, []) as progress:  # updated while the items are made
    ...     progress.update()
    """

    def __init__(self, folder: OutFolder, items: list[Item]) -> None:
        self._folder = folder
        self._sizes = {f"{item.number:05}": item.text_bytes for item in items}
        self._parts: dict[str, int] = {}  # text of each finished part

    def __enter__(self) -> Self:
        total = sum(self._sizes.values())
        self._bar = tqdm.tqdm(total=total, unit="B", unit_scale=True, desc="text", dynamic_ncols=True)
        self.update()
        self._bar.initial = self._bar.n  # the speed leaves out what was finished before
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.n = self._bar.n if error[0] else self._bar.total
        self._bar.close()

    def update(self) -> None:
        """Shows what is finished now."""
        names = self._folder.finished_names()
        done = {name: self._sizes[name] for name in names & self._sizes.keys()}
        of_parts: collections.Counter[str] = collections.Counter()
        for name in names - self._sizes.keys():
            if name not in self._parts:
                self._parts[name] = self._folder.text_bytes(name)
            of_parts[name.split("-")[0]] += self._parts[name]
        # The text of compressed files is an estimate.
        done = {**{name: min(size, self._sizes.get(name, 0)) for name, size in of_parts.items()}, **done}
        self._bar.update(sum(done.values()) - self._bar.n)
