"""How families of models speak: prompts out, calls and answers in."""
