"""Where Prefect meets the clients: one module a subject, each task one call that is worth a state."""
