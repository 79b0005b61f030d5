"""Traffic: bytes that know their place, moved through many channels at once, verified, measured.

`pattern` makes the bytes, `verify` tells what happened to them on the way, `engine` moves them, `results` says how it
went. Begin with `engine.run`.
"""
