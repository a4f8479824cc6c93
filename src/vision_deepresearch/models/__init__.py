"""Model clients: scripted, oracle, seat, and the profiles they speak."""
