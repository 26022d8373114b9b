"""Genres in an order that people can follow: neighbours don't change places at every tremble."""

from __future__ import annotations

from collections.abc import Sequence

from musicedge.analysis import GenreScore

LEAD = 0.03  # a genre this far ahead of the one above it climbs at once
PATIENCE = 2.0  # seconds after which any lead at all is enough


class SteadyRanking:
    """Keeps the order of the rows, and changes it where a change means something.

    Parameters
    ----------
    lead
        A genre that is ahead of the one above it by this much climbs at once.
    patience
        One that is ahead by less climbs when it has been ahead for so many seconds.
    """

    def __init__(self, *, lead: float = LEAD, patience: float = PATIENCE) -> None:
        self._lead = lead
        self._patience = patience
        self._order: list[str] = []
        self._ahead_since: dict[tuple[str, str], float] = {}

    def update(self, genre: Sequence[GenreScore], time: float) -> list[GenreScore]:
        """Return the genres in the order of the rows.

        Parameters
        ----------
        genre
            All genres, ranked; or none, and then the order is forgotten.
        time
            Seconds, not running backwards; of any clock.
        """
        scores = {each.label: each for each in genre}
        if len(self._order) != len(scores) or not scores.keys() >= set(self._order):
            self._order = [each.label for each in genre]
        before, self._ahead_since = self._ahead_since, {}

        def climbs(lower: str, upper: str) -> bool:
            lead = scores[lower].score - scores[upper].score
            if lead <= 0:
                return False
            since = before.get((lower, upper), time)
            self._ahead_since[lower, upper] = since
            return lead >= self._lead or time - since >= self._patience

        order: list[str] = []
        for label in self._order:  # an insertion sort in which only `climbs` makes places change
            place = len(order)
            while place and climbs(label, order[place - 1]):
                place -= 1
            order.insert(place, label)
        self._order = order
        return [scores[label] for label in order]
