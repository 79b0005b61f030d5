"""The virtual rack: units, cables and power that speak the real protocols on real sockets.

A separate program: it shares data (`guide`) and codecs (`protocol`) with the harness, nothing else. The harness imports
`nportlab.virtual.client` only.
"""
