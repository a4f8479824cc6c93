"""Search environments behind the World seam."""
