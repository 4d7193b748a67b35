"""The rooms of the logger: records, lines, files, and what nobody caught."""
