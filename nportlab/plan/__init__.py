"""Needs of tests -> few states -> a good order, with the proven lower bound. Knows settings, but no sockets."""
