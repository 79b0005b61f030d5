"""The harness's end of every operation mode: one module per mode, each a `Channel` with conveniences bounded in time.

`channel_base` and `stream` hold what they share, `errors` what a unit can do to them, `connecting` and `secure` how a
connection begins. Nothing here knows the virtual rack: a unit is an Endpoint.
"""
