"""Evaluation: run tasks into a run folder, score them."""
