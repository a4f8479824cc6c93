"""The words of the project: records, protocols and errors; pure, imported by every layer."""
