"""Model-written Python runs outside our process, or not at all."""
