"""Is the answer right? Rules where the truth is machine-checkable, a model for free text."""
