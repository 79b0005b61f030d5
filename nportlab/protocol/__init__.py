"""Wire formats as pure codecs: bytes to typed values and back. No sockets, no clocks, no files."""
