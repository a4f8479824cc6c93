"""Config to objects: the one package that knows every implementation, the environment and the date."""
