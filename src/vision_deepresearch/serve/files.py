"""Files that are whole or absent."""

from pathlib import Path


def write_whole(path: Path, text: str) -> Path:
    """Write beside the target and move; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text, encoding="utf-8", newline="\n")
    draft.replace(path)
    return path
