"""Pictures, and words where the family has a text tower, to vectors: local weights, no downloads."""
