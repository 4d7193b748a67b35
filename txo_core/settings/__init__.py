"""The rooms of the configuration: its models, its values, and what is wrong with them."""
