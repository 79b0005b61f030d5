"""Servers a unit talks to: small, bound to one address, with everything they received kept for the test to look at.

Each is a class with `start`, `stop` and `received`; a `with` block starts and stops it.
"""
