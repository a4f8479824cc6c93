"""A made web: knowledge graph, pages, scenes, and tasks with proof."""
