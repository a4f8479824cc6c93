"""The data factory: tasks and expert trajectories."""
