"""What noise does to a list of hits: pure functions from lists to lists.

Every hit that comes out is one that the engine gave, at this request, somewhere above or below
the cut; only its place, its score and label (swaps) and the length of its snippet may change.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.observation import Evidence
from vision_deepresearch.worlds.wrappers.noise_draws import Draws, RequestKey
from vision_deepresearch.worlds.wrappers.noise_settings import NoiseSettings

POOL = 10
"""Hits asked for beyond those wanted, where lower ranks may come up."""
WEAK_LABEL = "visually similar"
"""An engine's word for what it did not recognise."""
TIGHT_AREA = 0.06
"""Share of the picture, of a box around one thing of an ordinary generated scene."""
LOOSE_AREA = 0.30
"""Of the same box grown by 75 % of its sides on each side and cut to the picture."""
_SWAP_REACH = 3
"""A look-alike is one of so many different pictures next below."""
_ELLIPSIS = " ..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The noise of one request."""

    settings: NoiseSettings
    draws: Draws
    request: RequestKey

    def apply(
        self, hits: Sequence[Evidence], *, limit: int, origin: CropOrigin | None
    ) -> list[Evidence]:
        """The list as the noisy engine shows it.

        Args:
            hits: of the engine, best first; up to `POOL` more than wanted.
            limit: hits wanted.
            origin: of a searched picture; None: unknown, or a text search.
        """
        is_picture = self.request[0] == "image"
        found = list(hits)
        if is_picture:
            found = self._miss(found, origin=origin)
        found = [hit for hit in found if not self._is_dropped(hit)]
        found = self._shuffle(found)
        if is_picture:
            found = self._swap(found, limit=limit)
        found = self._repeat(found)[: self._length(limit)]
        return [
            self._shorten(hit).model_copy(update={"rank": rank}) for rank, hit in enumerate(found)
        ]

    def _miss(self, hits: list[Evidence], *, origin: CropOrigin | None) -> list[Evidence]:
        p_miss = miss_chance(self.settings, origin=origin)
        if not hits or not self.draws.happens(p_miss, "miss", *self.request):
            return hits
        return [hit for hit in hits if not _is_recognised(hit, first=hits[0])]

    def _is_dropped(self, hit: Evidence) -> bool:
        return self.draws.happens(self.settings.p_drop, "drop", *self.request, _name(hit))

    def _shuffle(self, hits: list[Evidence]) -> list[Evidence]:
        sigma = self.settings.rank_sigma
        if not sigma:
            return hits
        places = [
            (rank + sigma * self.draws.normal("rank", *self.request, _name(hit)), rank)
            for rank, hit in enumerate(hits)
        ]
        return [hits[rank] for _, rank in sorted(places)]

    def _swap(self, hits: list[Evidence], *, limit: int) -> list[Evidence]:
        found = list(hits)
        for place in range(min(limit, len(found))):
            if not self.draws.happens(self.settings.p_swap, "swap", *self.request, place):
                continue
            here = found[place]
            others = [
                below
                for below in range(place + 1, len(found))
                if not _is_same_thing(found[below], here)
            ][:_SWAP_REACH]
            if not others:
                continue
            below = others[self.draws.below(len(others), "swap-with", *self.request, place)]
            there = found[below]
            # The engine takes one for the other, so its certainty stays with the place.
            found[place] = there.model_copy(update={"score": here.score, "label": here.label})
            found[below] = here.model_copy(update={"score": there.score, "label": there.label})
        return found

    def _repeat(self, hits: list[Evidence]) -> list[Evidence]:
        found: list[Evidence] = []
        for hit in hits:
            found.append(hit)
            if self.draws.happens(
                self.settings.p_duplicate, "duplicate", *self.request, _name(hit)
            ):
                found.append(hit)
        return found

    def _length(self, limit: int) -> int:
        most = limit if self.settings.max_results is None else min(limit, self.settings.max_results)
        least = min(self.settings.min_results, most)
        if least >= most or not self.draws.happens(
            self.settings.p_short_list, "short", *self.request
        ):
            return most
        return least + self.draws.below(most - least, "short-length", *self.request)

    def _shorten(self, hit: Evidence) -> Evidence:
        room = self.settings.snippet_chars
        if len(hit.snippet) <= room or not self.draws.happens(
            self.settings.p_truncate, "truncate", *self.request, _name(hit)
        ):
            return hit
        kept = hit.snippet[:room]
        if not hit.snippet[room].isspace() and any(char.isspace() for char in kept):
            kept = kept[: max(i for i, char in enumerate(kept) if char.isspace())]
        return hit.model_copy(update={"snippet": kept.rstrip() + _ELLIPSIS})


def miss_chance(settings: NoiseSettings, *, origin: CropOrigin | None) -> float:
    """Chance of a miss: by the logarithm of the crop's area between tight, loose and whole."""
    if origin is None:
        return settings.p_miss_loose
    area = origin.box.area
    if area <= LOOSE_AREA:
        low, high, span = TIGHT_AREA, LOOSE_AREA, (settings.p_miss_tight, settings.p_miss_loose)
    else:
        low, high, span = LOOSE_AREA, 1.0, (settings.p_miss_loose, settings.p_miss_full)
    share = (math.log(area) - math.log(low)) / (math.log(high) - math.log(low))
    share = min(1.0, max(0.0, share))
    return span[0] + share * (span[1] - span[0])


def _is_recognised(hit: Evidence, *, first: Evidence) -> bool:
    """What an engine is sure of; one without labels is taken to be sure of its first hit."""
    if hit.label is not None:
        return hit.label != WEAK_LABEL
    return _is_same_thing(hit, first)


def _is_same_thing(one: Evidence, other: Evidence) -> bool:
    if one.image_url is not None and one.image_url == other.image_url:
        return True
    return one.url == other.url


def _name(hit: Evidence) -> str:
    """What tells hits of one list apart: a page may be hit through several pictures."""
    return f"{hit.url} {hit.image_url or ''}"
