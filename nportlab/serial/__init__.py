"""The wire end: adapters, loopback plugs, crosslinks, modem lines; traffic and its verification."""
