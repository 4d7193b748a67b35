"""What the redactor knows: how secrets look, what they are called, and where they stand in text."""
