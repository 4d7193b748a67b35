"""The scripts: one flow, one file."""
