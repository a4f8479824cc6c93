"""A world over HTTP, in the shapes of the services that agents already speak to."""
