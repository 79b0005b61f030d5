"""Runs of pytest as a person starts them, against virtual racks: what goes wrong is named, and nothing is lost."""
