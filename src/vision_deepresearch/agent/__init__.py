"""The one agent loop: from a Task to a Trajectory."""
