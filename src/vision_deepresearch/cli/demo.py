"""`vdr demo`: one question researched live, without keys or weights."""

from vision_deepresearch.cli import options


def demo(
    seed: options.Seed = None,
    out: options.Out = None,
    json_wanted: options.Json = False,
) -> None:
    """Make a small generated world and research one fuzzy multi-hop question about a scene, live.

    The researcher is the oracle, a teacher that knows what to look for and reads what it finds; it
    is no model. Prints the path of a trace page. Example: vdr demo
    """
    from vision_deepresearch.cli import research

    code = research.demo(seed=seed or 0, out=out, json_wanted=json_wanted)
    options.finish(code)
