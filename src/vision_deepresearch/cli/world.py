"""`vdr world`: build, inspect and query search environments by hand."""

from pathlib import Path
from typing import Annotated

import typer

from vision_deepresearch.cli import options

app = typer.Typer(help="Build, inspect and query worlds.", no_args_is_help=True)


@app.command()
def build(
    kind: Annotated[str, typer.Argument(help="What to build: generated.")],
    out: Annotated[Path, typer.Argument(help="Folder to make; must not exist or be empty.")],
    pages: Annotated[int, typer.Option(help="About how many pages the world shall have.")] = 1000,
    tasks: Annotated[int, typer.Option(help="How many tasks to make.")] = 100,
    depth: Annotated[
        str, typer.Option(help="Kind of tasks: plain, ordinary or deep.")
    ] = "ordinary",
    pictures: Annotated[
        int | None, typer.Option(min=1, help="Pictures that image search knows; default: all.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="train, validation or test: no two share names or questions.")
    ] = "train",
    whole_image_filter: Annotated[
        bool, typer.Option(help="Leave out questions that the whole picture answers.")
    ] = True,
    seed: options.Seed = None,
    embedder: options.EmbedWith = None,
    json_wanted: options.Json = False,
) -> None:
    """Make a world folder. Example: vdr world build generated --pages 500 --seed 7 worlds/mine."""
    from vision_deepresearch.cli import world_commands

    world_commands.build(
        kind,
        out,
        pages=pages,
        tasks=tasks,
        depth=depth,
        pictures=pictures,
        split=split,
        whole_image_filter=whole_image_filter,
        seed=seed or 0,
        embedder=embedder,
        json_wanted=json_wanted,
    )


@app.command("import")
def import_(
    source: Annotated[
        Path,
        typer.Argument(
            help="A ZIM, WARC, parquet or JSONL file; a folder of HTML, Markdown, PDF or of those."
        ),
    ],
    out: Annotated[Path, typer.Argument(help="Folder to make; a stopped import goes on there.")],
    base_url: Annotated[
        str | None,
        typer.Option(help="Address the pages get; default https://NAME.example/ of the source."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the world is called.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Read so many entries at most, for a first look.")
    ] = None,
    embedder: options.EmbedWith = None,
    jobs: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that read pages; the world is the same.")
    ] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate time, disk and memory from a sample.")
    ] = False,
    json_wanted: options.Json = False,
) -> None:
    """Make a world of what you have; bad entries are skipped and listed in OUT/import.json.

    Example: vdr world import wikipedia_en_ray_charles.zim worlds/ray
    """
    from vision_deepresearch.cli import world_commands

    if dry_run:
        world_commands.plan_import(source, base_url=base_url, json_wanted=json_wanted)
        return
    world_commands.import_source(
        source,
        out,
        base_url=base_url,
        name=name,
        limit=limit,
        jobs=jobs,
        embedder=embedder,
        json_wanted=json_wanted,
    )


@app.command()
def add(
    world: Annotated[Path, typer.Argument(help="Folder of a corpus world.")],
    source: Annotated[Path, typer.Argument(help="What to add: as for `vdr world import`.")],
    jobs: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that read pages; the world is the same.")
    ] = 1,
    json_wanted: options.Json = False,
) -> None:
    """Add what is new or changed; the world is read as before until it is replaced in one step.

    Example: vdr world add worlds/manual manual-of-may/
    """
    from vision_deepresearch.cli import world_commands

    world_commands.add(world, source, jobs=jobs, json_wanted=json_wanted)


@app.command()
def push(
    world: Annotated[str, typer.Argument(help="World name or folder.")],
    to: Annotated[str, typer.Option(help="Search server and index: http(s)://host:9200/index.")],
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) to trust instead of the system's.")
    ] = None,
    json_wanted: options.Json = False,
) -> None:
    """Bring a world's texts to OpenSearch or Elasticsearch; a stopped push goes on.

    The server's secret: the whole Authorization header in VDR_SEARCH_AUTHORIZATION.

    Example: vdr world push worlds/ray --to http://127.0.0.1:9200/ray
    """
    from vision_deepresearch.cli import world_commands

    world_commands.push(world, to=to, ca_file=ca_file, json_wanted=json_wanted)


@app.command()
def info(
    world: Annotated[str, typer.Argument(help="World name or folder.")],
    embedder: options.Embedder = None,
    json_wanted: options.Json = False,
) -> None:
    """Show what a world is; with --embedder also whether it opens with that.

    Example: vdr world info generated:small
    """
    from vision_deepresearch.cli import world_commands

    world_commands.info(world, embedder=embedder, json_wanted=json_wanted)


@app.command()
def search(
    world: Annotated[str, typer.Argument(help="World name or folder.")],
    query: Annotated[str, typer.Argument(help="Words to search for.")],
    limit: Annotated[int, typer.Option(min=1, help="Hits to show.")] = 10,
    json_wanted: options.Json = False,
) -> None:
    """Search text. Example: vdr world search generated:small "guild founded in 1874"."""
    from vision_deepresearch.cli import world_commands

    world_commands.search(world, query, limit=limit, json_wanted=json_wanted)


@app.command()
def look(
    world: Annotated[str, typer.Argument(help="World name or folder.")],
    image: Annotated[Path, typer.Argument(help="Picture file to search with.")],
    box: Annotated[
        str | None, typer.Option(help="Crop x1,y1,x2,y2 in thousandths of width and height.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Hits to show.")] = 10,
    embedder: options.Embedder = None,
    json_wanted: options.Json = False,
) -> None:
    """Reverse image search. Example: vdr world look generated:small a.jpg --box 100,100,300,320."""
    from vision_deepresearch.cli import world_commands

    world_commands.look(
        world, image, box=box, limit=limit, embedder=embedder, json_wanted=json_wanted
    )


@app.command()
def embed(
    world: Annotated[str, typer.Argument(help="World name or folder.")],
    embedder: Annotated[str, typer.Option(help="transformers:PATH or onnx:PATH.")],
    json_wanted: options.Json = False,
) -> None:
    """Make vectors of a world's pictures, in place of older ones; image search then uses both.

    Example: vdr world embed worlds/ray --embedder transformers:weights/siglip2-base
    """
    from vision_deepresearch.cli import world_commands

    world_commands.embed(world, embedder=embedder, json_wanted=json_wanted)


@app.command()
def pictures(
    world: Annotated[str, typer.Argument(help="World name or folder.")],
    query: Annotated[str, typer.Argument(help="Words that describe a picture.")],
    limit: Annotated[int, typer.Option(min=1, help="Hits to show.")] = 10,
    embedder: options.Embedder = None,
    json_wanted: options.Json = False,
) -> None:
    """Search pictures by words. Example: vdr world pictures generated:small "red lighthouse"."""
    from vision_deepresearch.cli import world_commands

    world_commands.pictures(world, query, limit=limit, embedder=embedder, json_wanted=json_wanted)


@app.command()
def read(
    world: Annotated[str, typer.Argument(help="World name or folder.")],
    url: Annotated[str, typer.Argument(help="Page to read.")],
    cursor: Annotated[str | None, typer.Option(help="Window of a long page.")] = None,
    json_wanted: options.Json = False,
) -> None:
    """Read a page. Example: vdr world read generated:small https://www.orbipedia.example/wiki/X."""
    from vision_deepresearch.cli import world_commands

    world_commands.read(world, url, cursor=cursor, json_wanted=json_wanted)


@app.command()
def facts(
    world: Annotated[str, typer.Argument(help="World name or folder, a corpus world.")],
    url: Annotated[str | None, typer.Argument(help="Page whose facts are listed.")] = None,
    label: Annotated[
        str | None, typer.Option(help="Find pages by the label of a fact, any letter case.")
    ] = None,
    value: Annotated[
        str, typer.Option(help="With --label: what the value holds somewhere, any letter case.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="With --label: facts to show.")] = 10,
    json_wanted: options.Json = False,
) -> None:
    """List what infoboxes, microdata and JSON-LD state: of a page, or by label over all pages.

    Example: vdr world facts worlds/ray --label Born --value 1930
    """
    from vision_deepresearch.cli import world_facts

    world_facts.facts(world, url, label=label, value=value, limit=limit, json_wanted=json_wanted)


@app.command()
def tasks(
    world: Annotated[str, typer.Argument(help="World name or folder.")],
    out: Annotated[Path, typer.Argument(help="Folder for the pictures and tasks.jsonl.")],
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    json_wanted: options.Json = False,
) -> None:
    """Write a world's questions and pictures to a folder. Example: vdr world tasks generated:small q/."""
    from vision_deepresearch.cli import world_commands

    world_commands.tasks(world, out, limit=limit, json_wanted=json_wanted)


@app.command()
def pages(
    world: Annotated[str, typer.Argument(help="World name or folder, a generated one.")],
    out: Annotated[Path, typer.Argument(help="Folder for the pages, pictures and index.html.")],
    kinds: Annotated[
        str, typer.Option(help="Kinds of pages, with commas between: news,blog; or all.")
    ] = "all",
    limit: Annotated[int, typer.Option(min=1, help="Pages of each kind.")] = 5,
    json_wanted: options.Json = False,
) -> None:
    """Write pages as HTML with their pictures, to look at in a browser.

    Example: vdr world pages generated:tiny runs/pages --kinds encyclopedia,news --limit 3
    """
    from vision_deepresearch.cli import world_commands

    world_commands.pages(world, out, kinds=kinds, limit=limit, json_wanted=json_wanted)


@app.command()
def scenes(
    world: Annotated[str, typer.Argument(help="World name or folder, a generated one.")],
    out: Annotated[Path, typer.Argument(help="Folder for the pictures and index.html.")],
    limit: Annotated[int, typer.Option(min=1, help="How many, in all layouts in turn.")] = 22,
    json_wanted: options.Json = False,
) -> None:
    """Draw sample scenes and a page that shows them. Example: vdr world scenes generated:tiny s/."""
    from vision_deepresearch.cli import world_commands

    world_commands.scenes(world, out, limit=limit, json_wanted=json_wanted)


@app.command()
def check(
    world: Annotated[str, typer.Argument(help="World name or folder, a generated one.")],
    tasks: Annotated[
        int | None, typer.Option(min=1, help="How many of its questions; default: all.")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            help="Check what the data factory made of it, in this folder: questions of "
            "`vdr synth vqa`, or trajectories of `vdr synth trajectories`."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File of reports, a line each as they come; the same command goes on."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes; default: one per core.")
    ] = None,
    json_wanted: options.Json = False,
) -> None:
    """Check a world's questions by reading its pages, without knowing what made them.

    Exit code 1 if a question has two answers, cannot be reached, or has a shortcut; of
    trajectories, if one says what it had not seen, speaks of a description in place of the picture,
    or holds a box outside it or a call without its result.

    Example: vdr world check generated:tiny
    """
    from vision_deepresearch.cli import check_trajectories, check_world, synth_trajectories

    if run is not None and synth_trajectories.is_one(run):
        options.finish(
            check_trajectories.check(world, run=run, limit=tasks, json_wanted=json_wanted)
        )
        return
    options.finish(
        check_world.check(world, run=run, limit=tasks, out=out, jobs=jobs, json_wanted=json_wanted)
    )


@app.command()
def sheet(
    world: Annotated[str, typer.Argument(help="World name or folder, a generated one.")],
    out: Annotated[Path, typer.Argument(help="Folder to make; must not exist or be empty.")],
    tasks: Annotated[int, typer.Option(min=1, help="How many questions.")] = 30,
    seed: options.Seed = None,
    gold: Annotated[
        bool, typer.Option("--gold", help="Write gold.md too; not for those who look.")
    ] = False,
    json_wanted: options.Json = False,
) -> None:
    """Write questions with their pictures and a sheet for the verdicts of whoever has eyes.

    Example: vdr world sheet generated:small look/ --tasks 30
    """
    from vision_deepresearch.cli import world_sheet

    world_sheet.sheet(
        world, out, num_tasks=tasks, seed=seed or 0, gold=gold, json_wanted=json_wanted
    )


@app.command()
def serve(
    world: Annotated[str, typer.Argument(help="World name or folder.")],
    host: Annotated[
        str, typer.Option(help="Address to bind; any but loopback needs --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8780,
    token: Annotated[
        str | None, typer.Option(envvar="VDR_WORLD_TOKEN", help="What clients must show.")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(help="How clients reach it, behind a proxy.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; default: one per core.")
    ] = None,
    queue: Annotated[
        int | None, typer.Option(min=1, help="Jobs that may wait; default 512.")
    ] = None,
    cache_mb: Annotated[
        int | None, typer.Option(min=1, help="Of answers kept; default 128.")
    ] = None,
    noise: options.Noise = None,
    embedder: options.Embedder = None,
) -> None:
    """Serve a world in the shapes of Serper, SearXNG, Jina reader and Google Vision.

    Example: vdr world serve generated:small --port 0
    """
    from vision_deepresearch.cli import serve_world

    serve_world.serve(
        world,
        host=host,
        port=port,
        token=token,
        public_url=public_url,
        workers=workers,
        queue=queue,
        cache_mb=cache_mb,
        noise=noise,
        embedder=embedder,
    )
