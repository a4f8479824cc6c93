"""Reinforcement learning: small pure functions, an asynchronous rollout and the loop that joins them."""
