"""Loads the command-line options and the fixtures; nothing else."""
