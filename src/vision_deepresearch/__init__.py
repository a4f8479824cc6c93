"""Multimodal deep research: agent, worlds, data factory, training, evaluation and viewer."""

__version__ = "0.1.0"
