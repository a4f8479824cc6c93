"""Live engines: search, look and read in the real web through providers chosen by their keys."""
