"""The temporary Prefect server of a run by hand, and the key that its blocks are encrypted with."""
