"""An independent checker of questions: pages and pictures through the public world, no graph."""
