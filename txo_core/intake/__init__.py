"""The rooms of what comes in: files found, cells read, values understood, rows checked."""
