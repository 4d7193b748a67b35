"""What surrounds a run of Prefect: its states, parameters, results, and the server it is kept on."""
