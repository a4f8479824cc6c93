"""Expert trajectories: visual phase, bridge, text phase, merge, rejection. Source: arXiv 2601.22060, 2.2."""
