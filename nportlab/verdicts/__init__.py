"""Verdicts, the error family, redaction and waivers. Imports nothing else of the project."""
