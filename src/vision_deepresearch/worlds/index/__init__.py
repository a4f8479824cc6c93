"""Text and visual indexes over the pages and pictures of a world."""
