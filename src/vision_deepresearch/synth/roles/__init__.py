"""Roles of the data factory: what a model does on real pictures, and a generated world's truth offline."""
