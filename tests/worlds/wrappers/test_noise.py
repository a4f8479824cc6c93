"""An engine that misbehaves by arithmetic: the same seeds, the same engine, anywhere."""

import hashlib
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from tests.builders import a_picture, an_image_ref
from vision_deepresearch.core.bank import CropOrigin
from vision_deepresearch.core.content import ImageRef, Picture
from vision_deepresearch.core.context import CallContext, current_context
from vision_deepresearch.core.errors import ConfigError, FailureKind, WorldError
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.core.observation import Evidence, EvidenceKind
from vision_deepresearch.core.page import Asset, Page, WorldManifest
from vision_deepresearch.core.protocols import World
from vision_deepresearch.store.tape import Tape, TapeMode
from vision_deepresearch.worlds.wrappers.meter import MeteredWorld
from vision_deepresearch.worlds.wrappers.noise import Deed, NoisyWorld
from vision_deepresearch.worlds.wrappers.noise_hits import POOL, miss_chance
from vision_deepresearch.worlds.wrappers.noise_settings import (
    NOISE_PRESETS,
    NoiseSettings,
    noise_named,
)
from vision_deepresearch.worlds.wrappers.tape import TapedWorld

ROOT = Path(__file__).parents[3]
NUM_REQUESTS = 2000
SNIPPET = "the old bridge over the river was built by the town in the year of the great flood " * 3
TRANSIENT = (FailureKind.RATE_LIMITED, FailureKind.UPSTREAM, FailureKind.TIMEOUT)


class LongWorld(World):
    """Thirty hits to everything: of pictures, the first two recognised and the rest similar."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    @override
    def manifest(self) -> WorldManifest:
        return WorldManifest(world_id="w", kind="generated", name="long", format_version=1)

    @override
    async def search_image(
        self, picture: Picture, *, limit: int, origin: CropOrigin | None = None
    ) -> list[Evidence]:
        del origin
        self.limits.append(limit)
        name = picture.ref.sha256[:12]
        return [
            Evidence(
                kind=EvidenceKind.IMAGE_HIT,
                url=f"https://a.example/{name}/{n}",
                title=f"T{n}",
                snippet=SNIPPET,
                image_url=f"https://a.example/{n}.jpg",
                score=50.0 - n,
                label="match" if n < 2 else "visually similar",
                rank=n,
            )
            for n in range(min(limit, 30))
        ]

    @override
    async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
        self.limits.append(limit)
        return [
            Evidence(
                kind=EvidenceKind.TEXT_HIT,
                url=f"https://a.example/{' '.join(query.split()).casefold()}/{n}",
                title=f"T{n}",
                snippet=SNIPPET,
                score=9.0 - n / 10,
                rank=n,
            )
            for n in range(min(limit, 30))
        ]

    @override
    async def read(self, url: str, *, cursor: str | None = None) -> Page:
        return Page(url=url, final_url=url, title="today", markdown=f"# {cursor}")

    @override
    async def asset(self, url: str) -> Asset:
        return Asset(url=url, data=a_picture(), ref=an_image_ref())


class Archive:
    """An older copy of every page whose url is even in length."""

    async def read_older(self, url: str, *, cursor: str | None = None) -> Page | None:
        if len(url) % 2:
            return None
        return Page(url=url, final_url=url, title="earlier", markdown=f"# {cursor}")


class Naps:
    """Virtual time: every wait is noted and over at once."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


def noisy(
    settings: NoiseSettings,
    *,
    world: World | None = None,
    world_seed: int = 3,
    noise_seed: int = 0,
    naps: Naps | None = None,
) -> NoisyWorld:
    return NoisyWorld(
        world or LongWorld(),
        settings,
        world_seed=world_seed,
        noise_seed=noise_seed,
        sleep=(naps or Naps()).sleep,
        older=Archive(),
    )


def a_crop(number: int = 0) -> Picture:
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    ref = ImageRef(sha256=digest, width=9, height=9, media_type="image/png")
    return Picture(ref=ref, load=a_picture)


def cut(side: float = 0.2) -> CropOrigin:
    return CropOrigin(sha256="a" * 64, box=Box(x0=0, y0=0, x1=side, y1=side))


@contextmanager
def called_from(
    *, task: str = "t", attempt: int = 0, turn: int = 0, index: int = 0
) -> Iterator[None]:
    context = CallContext(
        task_id=task,
        trajectory_id=f"{task}-a{attempt}",
        attempt=attempt,
        turn=turn,
        index=index,
    )
    token = current_context.set(context)
    try:
        yield
    finally:
        current_context.reset(token)


async def outcome(world: World, url: str = "https://a.example/1") -> str:
    """The title of a page, or the kind of the failure."""
    try:
        return (await world.read(url)).title
    except WorldError as error:
        return error.kind.value


def assert_share(hits: int, count: int, p: float) -> None:
    """A share within five standard deviations: wrong once in a million fair tests."""
    spread = 5 * math.sqrt(p * (1 - p) / count)
    assert abs(hits / count - p) <= spread, f"{hits} of {count}, expected {p}"


# ----------------------------------------------------------------------------------- determinism


async def tell_everything(settings: NoiseSettings, *, noise_seed: int) -> str:
    """A digest of what a noisy world answers to many requests, waits and failures included."""
    naps = Naps()
    world = noisy(settings, noise_seed=noise_seed, naps=naps)
    told: list[object] = []
    for number in range(60):
        for turn in range(2):
            with called_from(turn=turn):
                for ask in (
                    lambda n=number: world.search_text(f"query {n}", limit=10),
                    lambda n=number: world.search_image(a_crop(n), limit=5, origin=None),
                    lambda n=number: world.search_image(
                        a_crop(n), limit=5, origin=cut(0.1 + n / 90)
                    ),
                    lambda n=number: world.read(f"https://a.example/{n}", cursor=None),
                    lambda n=number: world.asset(f"https://a.example/{n}.jpg"),
                ):
                    try:
                        told.append(repr(await ask()))
                    except WorldError as error:
                        told.append(repr(error))
    told.append(naps.seconds)
    told.append(sorted(world.deeds.items()))
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


PRINT_DIGESTS = """
import asyncio
from tests.worlds.wrappers.test_noise import NOISE_PRESETS, tell_everything
for preset in ("clean", "realistic", "hostile"):
    print(asyncio.run(tell_everything(NOISE_PRESETS[preset], noise_seed=5)))
"""


def test_two_processes_see_the_same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    told = set()
    for hash_seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
        there = subprocess.run(
            [sys.executable, "-c", PRINT_DIGESTS],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        told.add(there.stdout)
    assert len(told) == 1
    assert len(told.pop().split()) == 3


async def test_one_process_tells_the_same_twice_and_another_seed_something_else() -> None:
    hostile = NOISE_PRESETS["hostile"]
    one, again, other = [await tell_everything(hostile, noise_seed=seed) for seed in (5, 5, 6)]
    assert one == again != other


async def test_another_noise_seed_changes_noise_and_nothing_else() -> None:
    clean = LongWorld()
    lists: dict[int, list[list[str]]] = {}
    for seed in (1, 2):
        world = noisy(
            NOISE_PRESETS["hostile"].model_copy(
                update={"p_rate_limited": 0.0, "p_upstream": 0.0, "p_timeout": 0.0}
            ),
            noise_seed=seed,
        )
        lists[seed] = []
        for number in range(200):
            hits = await world.search_text(f"query {number}", limit=10)
            possible = await clean.search_text(f"query {number}", limit=10 + POOL)
            content = {(hit.url, hit.title, hit.score) for hit in possible}
            assert {(hit.url, hit.title, hit.score) for hit in hits} <= content
            assert [hit.rank for hit in hits] == list(range(len(hits)))
            lists[seed].append([hit.url for hit in hits])
    differing = sum(one != two for one, two in zip(*lists.values(), strict=True))
    assert differing > 150


async def test_another_world_seed_draws_anew() -> None:
    settings = NoiseSettings(p_dead_link=0.5)
    urls = [f"https://a.example/{n}" for n in range(100)]
    gone = [
        [await outcome(noisy(settings, world_seed=seed), url) for url in urls] for seed in (1, 1, 2)
    ]
    assert gone[0] == gone[1] != gone[2]


async def test_case_and_spacing_of_a_query_do_not_make_another_request() -> None:
    world = noisy(NoiseSettings(p_drop=0.5, rank_sigma=5))
    one = await world.search_text("Old  bridge ", limit=10)
    two = await world.search_text("old bridge", limit=10)
    assert [hit.url for hit in one] == [hit.url for hit in two]


async def test_siblings_see_one_world_unless_episodes_are_salted() -> None:
    async def attempts(settings: NoiseSettings) -> list[list[str]]:
        world = noisy(settings)
        seen = []
        for attempt in (0, 1):
            with called_from(attempt=attempt):
                seen.append([await outcome(world, f"https://a.example/{n}") for n in range(100)])
        return seen

    settings = NoiseSettings(p_dead_link=0.3, p_upstream=0.3)
    same, salted = (
        await attempts(settings),
        await attempts(settings.model_copy(update={"episode_salt": True})),
    )
    assert same[0] == same[1]
    assert salted[0] != salted[1]
    assert await attempts(settings.model_copy(update={"episode_salt": True})) == salted


# ------------------------------------------------------------------------------ nothing changes


async def test_clean_settings_pass_everything_on() -> None:
    below, naps = LongWorld(), Naps()
    world = noisy(NOISE_PRESETS["clean"], world=below, naps=naps)
    assert NOISE_PRESETS["clean"].is_clean
    assert world.manifest() == below.manifest()
    assert await world.search_text("a", limit=7) == await below.search_text("a", limit=7)
    assert await world.search_image(a_crop(), limit=3, origin=cut()) == (
        await below.search_image(a_crop(), limit=3)
    )
    assert await outcome(world) == "today"
    assert set(below.limits) == {7, 3}, "a clean wrapper asks for no more than it was asked for"
    assert naps.seconds == []
    assert world.deeds.keys() == {Deed.CALL}


@pytest.mark.parametrize("name", ["realistic", "hostile"])
async def test_every_knob_at_zero_is_no_noise(name: str) -> None:
    """Each knob of a preset alone at 0 takes away its own effect; all at 0 take away all."""
    zeros: dict[str, float] = {
        field: 0.0
        for field in NoiseSettings.model_fields
        if field.startswith("p_") or field in {"rank_sigma", "latency_median_s"}
    }
    quiet = NOISE_PRESETS[name].model_copy(update={**zeros, "max_results": None})
    assert quiet.is_clean
    for field in zeros:
        loud = quiet.model_copy(update={field: 1.0})
        assert not loud.is_clean or field == "p_tail", f"{field} has no effect"


async def test_noisy_worlds_have_names_of_their_own() -> None:
    names = {
        noisy(settings, noise_seed=seed).manifest().world_id
        for settings in NOISE_PRESETS.values()
        for seed in (0, 1)
    }
    assert len(names) == 5, "the clean world has one name whatever the seed"


# ------------------------------------------------------------------------------------ each at one


async def hits_of(settings: NoiseSettings, *, limit: int = 10) -> list[Evidence]:
    return await noisy(settings).search_image(a_crop(), limit=limit, origin=cut())


async def test_a_miss_takes_what_was_recognised_and_keeps_what_is_similar() -> None:
    missed = await hits_of(NoiseSettings(p_miss_tight=1.0))
    assert len(missed) == 10
    assert {hit.label for hit in missed} == {"visually similar"}
    assert missed[0].url.endswith("/2")
    whole = CropOrigin(sha256="a" * 64, box=Box.full())
    world = noisy(NoiseSettings(p_miss_tight=1.0))
    found = await world.search_image(a_crop(), limit=10, origin=whole)
    assert found[0].label == "match", "a tight knob does not touch whole pictures"


def test_the_chance_of_a_miss_grows_with_the_crop() -> None:
    settings = NoiseSettings(p_miss_tight=0.1, p_miss_loose=0.3, p_miss_full=0.9)
    sides = (0.05, 0.24, 0.3, 0.45, 0.5478, 0.7, 0.9, 1.0)
    chances = [miss_chance(settings, origin=cut(side)) for side in sides]
    assert chances == sorted(chances)
    assert chances[0] == chances[1] == 0.1
    assert chances[-1] == pytest.approx(0.9)
    assert chances[4] == pytest.approx(0.3, abs=0.01)
    assert miss_chance(settings, origin=None) == 0.3, "of unknown origin: like a loose crop"


async def test_a_dropped_list_is_empty() -> None:
    assert await hits_of(NoiseSettings(p_drop=1.0)) == []


async def test_a_swap_gives_every_place_to_another_thing_and_keeps_its_score() -> None:
    clean, swapped = await hits_of(NoiseSettings()), await hits_of(NoiseSettings(p_swap=1.0))
    assert swapped[0].image_url != clean[0].image_url
    assert (swapped[0].score, swapped[0].label) == (clean[0].score, clean[0].label)
    assert [hit.score for hit in swapped] == [hit.score for hit in clean]
    assert len({hit.url for hit in swapped}) == 10


async def test_duplicates_stand_behind_each_other() -> None:
    hits = await hits_of(NoiseSettings(p_duplicate=1.0))
    assert [hit.url[-1] for hit in hits] == [str(n // 2) for n in range(10)]
    assert [hit.rank for hit in hits] == list(range(10))


async def test_short_lists_are_shorter_and_not_below_the_least() -> None:
    world = noisy(NoiseSettings(p_short_list=1.0, min_results=3))
    lengths = {len(await world.search_text(f"q{n}", limit=10)) for n in range(200)}
    assert lengths == set(range(3, 10))
    capped = noisy(NoiseSettings(max_results=4))
    assert len(await capped.search_text("q", limit=10)) == 4


async def test_snippets_are_cut_between_words() -> None:
    for hit in await hits_of(NoiseSettings(p_truncate=1.0, snippet_chars=50)):
        assert hit.snippet.endswith(" ...")
        kept = hit.snippet.removesuffix(" ...")
        assert len(kept) <= 50
        assert SNIPPET.startswith(kept + " ")


async def test_a_snippet_without_spaces_is_cut_all_the_same() -> None:
    class Dense(LongWorld):
        @override
        async def search_text(self, query: str, *, limit: int) -> list[Evidence]:
            hits = await super().search_text(query, limit=limit)
            return [hit.model_copy(update={"snippet": "語" * 90}) for hit in hits]

    world = noisy(NoiseSettings(p_truncate=1.0, snippet_chars=20), world=Dense())
    hits = await world.search_text("q", limit=2)
    assert {hit.snippet for hit in hits} == {"語" * 20 + " ..."}


async def test_rank_noise_moves_hits_about_as_far_as_it_says() -> None:
    world = noisy(NoiseSettings(rank_sigma=1.0))
    moves = [
        rank - int(hit.url.rpartition("/")[2])
        for n in range(200)
        for rank, hit in enumerate(await world.search_text(f"q{n}", limit=10))
    ]
    # Neighbours at distance 1 under noise of 1 change places; the spread is near the noise.
    assert 0.6 < statistics.pstdev(moves) < 1.2


async def test_dead_links_stay_dead_in_every_form_and_for_every_window() -> None:
    world = noisy(NoiseSettings(p_dead_link=1.0))
    assert await outcome(world) == "not_found"
    with pytest.raises(WorldError, match="dead link"):
        await world.asset("https://a.example/1.jpg")
    half = noisy(NoiseSettings(p_dead_link=0.5))
    for n in range(50):
        url = f"https://a.example/{n}"
        forms = {await outcome(half, form) for form in (url, f" {url} ", f"{url}#part")}
        assert len(forms) == 1


async def test_older_copies_are_read_where_there_are_any() -> None:
    world = noisy(NoiseSettings(p_stale=1.0))
    assert await outcome(world, "https://a.example/10") == "earlier"
    assert await outcome(world, "https://a.example/1") == "today"
    assert (world.deeds[Deed.STALE], world.deeds[Deed.NO_OLDER_COPY]) == (1, 1)


@pytest.mark.parametrize(
    ("knob", "kind", "waits"),
    [
        ("p_rate_limited", FailureKind.RATE_LIMITED, [2.0]),
        ("p_upstream", FailureKind.UPSTREAM, [2.0]),
        ("p_timeout", FailureKind.TIMEOUT, [7.0]),
    ],
)
async def test_failures_are_typed(knob: str, kind: FailureKind, waits: list[float]) -> None:
    naps = Naps()
    settings = NoiseSettings.model_validate({
        knob: 1.0,
        "latency_median_s": 2.0,
        "timeout_s": 7.0,
        "retry_after_s": 3.0,
    })
    with pytest.raises(WorldError) as raised:
        await noisy(settings, naps=naps).search_text("q", limit=3)
    assert raised.value.kind is kind
    assert raised.value.retry_after_s == (3.0 if kind is FailureKind.RATE_LIMITED else None)
    assert naps.seconds == waits


# -------------------------------------------------------------------------------------- statistics


async def test_shares_of_results_are_what_the_knobs_say() -> None:
    """One knob at a time, over two thousand requests."""

    async def lists(settings: NoiseSettings) -> list[list[Evidence]]:
        world = noisy(settings, noise_seed=11)
        return [
            await world.search_image(a_crop(n), limit=5, origin=None) for n in range(NUM_REQUESTS)
        ]

    missed = await lists(NoiseSettings(p_miss_loose=0.3))
    assert_share(sum(hits[0].label != "match" for hits in missed), NUM_REQUESTS, 0.3)
    dropped = await lists(NoiseSettings(p_drop=0.2))
    assert_share(sum(hits[0].title != "T0" for hits in dropped), NUM_REQUESTS, 0.2)
    swapped = await lists(NoiseSettings(p_swap=0.1))
    assert_share(sum(hits[0].title != "T0" for hits in swapped), NUM_REQUESTS, 0.1)
    doubled = await lists(NoiseSettings(p_duplicate=0.25))
    assert_share(sum(hits[0].url == hits[1].url for hits in doubled), NUM_REQUESTS, 0.25)
    short = await lists(NoiseSettings(p_short_list=0.4))
    assert_share(sum(len(hits) < 5 for hits in short), NUM_REQUESTS, 0.4)
    cut_off = await lists(NoiseSettings(p_truncate=0.15))
    assert_share(
        sum(hit.snippet.endswith(" ...") for hits in cut_off for hit in hits),
        5 * NUM_REQUESTS,
        0.15,
    )


async def test_shares_of_pages_and_failures_are_what_the_knobs_say() -> None:
    urls = [f"https://a.example/{n:05d}{'x' * (n % 2)}" for n in range(NUM_REQUESTS)]
    gone = [await outcome(noisy(NoiseSettings(p_dead_link=0.1)), url) for url in urls]
    assert_share(gone.count("not_found"), NUM_REQUESTS, 0.1)
    old = noisy(NoiseSettings(p_stale=0.2))
    for url in urls:
        await old.read(url)
    assert_share(old.deeds[Deed.STALE] + old.deeds[Deed.NO_OLDER_COPY], NUM_REQUESTS, 0.2)
    settings = NoiseSettings(p_rate_limited=0.1, p_upstream=0.05, p_timeout=0.2)
    failing = noisy(settings)
    kinds = [await outcome(failing, url) for url in urls]
    for kind, p in zip(TRANSIENT, (0.1, 0.05, 0.2), strict=True):
        assert_share(kinds.count(kind.value), NUM_REQUESTS, p)


async def test_waits_are_log_normal_with_a_tail() -> None:
    naps = Naps()
    settings = NoiseSettings(latency_median_s=0.5, latency_sigma=0.4, latency_max_s=1e9)
    world = noisy(settings, naps=naps)
    for n in range(NUM_REQUESTS):
        await world.search_text(f"q{n}", limit=1)
    logs = [math.log(seconds) for seconds in naps.seconds]
    assert len(logs) == NUM_REQUESTS
    assert statistics.fmean(logs) == pytest.approx(math.log(0.5), abs=5 * 0.4 / NUM_REQUESTS**0.5)
    assert statistics.stdev(logs) == pytest.approx(0.4, rel=0.1)

    naps = Naps()
    tailed = settings.model_copy(
        update={"latency_sigma": 0.0, "p_tail": 0.05, "tail_factor": 20.0, "latency_max_s": 8.0}
    )
    world = noisy(tailed, naps=naps)
    for n in range(NUM_REQUESTS):
        await world.read(f"https://a.example/{n}")
    assert set(naps.seconds) == {0.5, 8.0}, "the median, or the tail cut to the longest wait"
    assert_share(naps.seconds.count(8.0), NUM_REQUESTS, 0.05)


# ------------------------------------------------------------------------------- failures that pass


async def test_a_failure_passes_when_the_call_is_made_again() -> None:
    world = noisy(NoiseSettings(p_upstream=0.5))
    for n in range(50):
        outcomes = set()
        for turn in range(40):
            with called_from(turn=turn):
                outcomes.add(await outcome(world, f"https://a.example/{n}"))
        assert outcomes == {"upstream", "today"}, "neither for ever"


async def test_a_retry_within_one_call_draws_anew_and_is_repeatable() -> None:
    async def tries() -> list[str]:
        world = noisy(NoiseSettings(p_upstream=0.5))
        with called_from(turn=4):
            return [await outcome(world) for _ in range(40)]

    assert len(set(await tries())) == 2
    assert await tries() == await tries()


async def test_the_nth_time_counts_turns_not_speed() -> None:
    """Whatever turn it is asked in, and whichever call of a turn is first, it is the same."""

    async def story(turns: tuple[int, ...], indices: tuple[int, ...]) -> list[list[str]]:
        world = noisy(NoiseSettings(p_upstream=0.5))
        told = []
        for turn in turns:
            row: list[str] = []
            for index in indices:
                with called_from(turn=turn, index=index):
                    row += [await outcome(world, f"https://a.example/{n}") for n in range(30)]
            told.append(row)
        return told

    early, late = await story((0, 1, 2), (0, 1)), await story((3, 7, 20), (1, 0))
    assert early == late
    assert early[0][:30] == early[0][30:], "two calls of one turn fail alike"
    assert early[0] != early[1] != early[2]


async def test_a_trajectory_that_begins_anew_sees_what_it_saw() -> None:
    world = noisy(NoiseSettings(p_upstream=0.5))
    told = []
    for _ in range(2):
        row = []
        for turn in range(6):
            with called_from(turn=turn):
                row.append(await outcome(world))
        told.append(row)
    assert told[0] == told[1]


async def test_a_recording_serves_every_noise(tmp_path: Path) -> None:
    """Noise outside the tape: a strict replay of the clean recording gives the same noisy run."""
    settings = NOISE_PRESETS["realistic"]

    async def ask(world: World) -> list[str]:
        hits = await MeteredWorld(world).search_text("old bridge", limit=5)
        return [hit.url for hit in hits]

    async with Tape.open(tmp_path / "tape.db") as tape:
        first = [
            await ask(noisy(settings, world=TapedWorld(LongWorld(), tape), noise_seed=seed))
            for seed in range(5)
        ]
    async with Tape.open(tmp_path / "tape.db", mode=TapeMode.REPLAY_STRICT) as tape:
        again = [
            await ask(noisy(settings, world=TapedWorld(LongWorld(), tape), noise_seed=seed))
            for seed in range(5)
        ]
    assert first == again


# ---------------------------------------------------------------------------------------- settings


def test_presets_are_named_with_a_seed() -> None:
    assert noise_named("clean") == (NOISE_PRESETS["clean"], 0)
    assert noise_named("hostile@17") == (NOISE_PRESETS["hostile"], 17)
    for wrong, word in (("loud", "clean, realistic, hostile"), ("hostile@x", "whole number")):
        with pytest.raises(ConfigError, match=word):
            noise_named(wrong)
    with pytest.raises(ConfigError, match="whole number"):
        noise_named("hostile@²")


def test_settings_that_cannot_be_are_refused() -> None:
    for wrong in ({"p_drop": 1.1}, {"rank_sigma": -1}, {"p_upstream": 0.6, "p_timeout": 0.6}):
        with pytest.raises(ValueError, match=r"less than|greater than|must not exceed 1"):
            NoiseSettings.model_validate(wrong)


def test_every_knob_says_what_it_does() -> None:
    source = Path(sys.modules[NoiseSettings.__module__].__file__ or "").read_text()
    told = (ROOT / "docs" / "engine-behaviour.md").read_text()
    for name in NoiseSettings.model_fields:
        assert f"    {name}: " in source
        assert f"`{name}`" in told, f"docs/engine-behaviour.md does not name {name}"
