"""Our own benchmarks: ratios against a baseline of the same run."""
