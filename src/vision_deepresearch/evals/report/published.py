"""Figures of the paper, to be printed beside ours: never a baseline for a test.

Source: arXiv 2601.22060 (main table; ablation of the pipeline, 30B). Percent.
"""

SETS = ("VDR-Bench", "FVQA", "MMSearch-Plus", "MMSearch", "LiveVQA", "BC-VL")
"""Columns of the main table; the last value of a row is their mean."""
WARNING = (
    "Published figures (arXiv 2601.22060) are single runs without intervals. Engines, dates, judges and "
    "subsets differ from yours: they are no baseline for a test, and are good to a point at best."
)
MAIN: tuple[tuple[str, str, tuple[float, ...]], ...] = (
    ("GPT-5", "direct", (9.8, 57.3, 19.1, 33.3, 57.5, 47.2, 37.4)),
    ("Gemini-2.5-Pro", "direct", (8.0, 60.7, 14.5, 39.8, 60.3, 43.1, 37.7)),
    ("Gemini-2.5-Flash", "direct", (6.2, 47.7, 8.1, 30.4, 51.0, 37.1, 30.1)),
    ("Claude-4-Sonnet", "direct", (2.0, 35.3, 4.0, 18.7, 38.5, 29.3, 21.3)),
    ("Claude-3.7-Sonnet", "direct", (4.6, 36.7, 4.0, 21.1, 38.0, 32.3, 22.8)),
    ("Qwen3-VL-8B-Instruct", "direct", (2.8, 28.0, 3.2, 15.2, 41.0, 25.1, 19.2)),
    ("Qwen3-VL-30B-A3B-Instruct", "direct", (3.8, 34.7, 3.2, 18.7, 42.7, 29.6, 22.1)),
    ("Qwen3-VL-8B-Thinking", "direct", (5.6, 24.0, 2.7, 15.8, 43.3, 25.1, 19.4)),
    ("Qwen3-VL-30B-A3B-Thinking", "direct", (4.4, 32.7, 4.5, 19.3, 49.0, 34.6, 24.1)),
    ("GPT-5", "agent", (20.4, 69.0, 17.2, 63.7, 73.3, 46.1, 48.3)),
    ("Gemini-2.5-Pro", "agent", (18.8, 68.3, 22.2, 69.0, 76.0, 49.9, 50.7)),
    ("Gemini-2.5-Flash", "agent", (16.3, 68.0, 19.9, 64.0, 73.0, 44.6, 47.6)),
    ("Claude-4-Sonnet", "agent", (13.6, 69.0, 23.1, 67.2, 69.7, 48.6, 48.5)),
    ("Claude-3.7-Sonnet", "agent", (27.2, 67.3, 17.2, 63.7, 72.0, 50.4, 49.6)),
    ("Qwen3-VL-8B-Instruct", "agent", (17.0, 58.7, 11.3, 52.0, 63.0, 38.6, 40.1)),
    ("Qwen3-VL-30B-A3B-Instruct", "agent", (20.2, 57.7, 10.0, 55.0, 60.0, 42.6, 40.9)),
    ("Qwen3-VL-8B-Thinking", "agent", (17.6, 51.3, 12.2, 45.6, 56.3, 37.1, 36.7)),
    ("Qwen3-VL-30B-A3B-Thinking", "agent", (23.2, 63.0, 13.6, 53.2, 62.0, 44.1, 43.2)),
    ("Vision-DeepResearch-8B", "agent", (29.2, 64.7, 20.4, 69.6, 76.7, 42.6, 50.5)),
    ("Vision-DeepResearch-30B-A3B", "agent", (37.8, 74.2, 28.5, 69.6, 77.6, 53.7, 56.9)),
)
COPIED: tuple[tuple[str, str, tuple[float | None, ...]], ...] = (
    ("Gemini-2.5-Flash", "rag", (None, None, None, 43.9, 41.3, 12.1, None)),
    ("Claude-3.7-Sonnet", "rag", (None, None, None, 32.7, 30.3, 10.0, None)),
    ("Qwen-2.5-VL-72B", "rag", (None, None, None, 29.2, 35.7, 10.2, None)),
    ("MMSearch-R1-7B", "agent", (None, 58.4, None, 53.8, 48.4, None, None)),
    ("WebWatcher-7B", "agent", (None, None, None, 49.1, 51.2, 20.3, None)),
    ("WebWatcher-32B", "agent", (None, None, None, 55.3, 58.7, 26.7, None)),
)
"""Rows that the main table copies from other papers: other judges, engines and subsets."""
ABLATION_SETS = ("VDR-Bench", "MMSearch-Plus", "BC-VL")
ABLATION: dict[str, tuple[float, ...]] = {
    "direct": (4.8, 3.6, 27.6, 12.0),
    "wis": (11.8, 10.0, 26.1, 16.0),
    "wis+ts": (16.0, 23.5, 48.4, 29.3),
    "cis": (15.4, 22.7, 30.8, 23.0),
    "cis+ts": (37.8, 28.5, 53.7, 40.0),
}
"""Vision-DeepResearch-30B by mode: the three sets, then their mean."""
DATA: dict[str, tuple[str, tuple[float, ...]]] = {
    "base": ("Qwen3-VL-30B-A3B-Instruct, agentic", (20.2, 10.0, 42.6, 24.3)),
    "vqa": ("+ 16K VQA trajectories", (24.4, 23.5, 50.9, 32.9)),
    "text": ("+ 8K text QA trajectories", (27.0, 23.5, 50.1, 33.5)),
    "fuzzy": ("+ 6K fuzzy VQA trajectories", (33.2, 26.0, 51.4, 36.9)),
    "rl": ("+ RL", (37.8, 28.5, 53.7, 40.0)),
}
"""The data ablation, 30B: by the name that a row of ours is given, what it was trained on and its
figures: the three sets, then their mean."""
RECALL: tuple[tuple[str, float | None, float | None], ...] = (
    ("Gemini-2.5-Pro", 13.0, 32.0),
    ("GPT-5", 14.0, 24.4),
    ("Claude-4-Sonnet", 8.0, 19.2),
    ("Qwen3-VL-30B-A3B-Instruct", 13.0, 20.0),
    ("Qwen3-VL-235B-A22B-Instruct", 17.6, 28.4),
    ("Vision-DeepResearch-8B", 34.6, None),
    ("Vision-DeepResearch-30B-A3B", 45.0, None),
)
"""Entity Recall on VDR-Bench testmini: model, in mode cis+ts, with multi-turn visual forcing
(arXiv 2602.02185)."""
