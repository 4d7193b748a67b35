"""The rooms of the report: its columns, its sheets, its looks."""
