"""Model-written Python outside our process: a parent that forks confined children, tiers, a probe."""
