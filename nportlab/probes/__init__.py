"""Looking at a unit from outside: TLS prober, port sweep, UDP probes, packet capture.

A probe never turns silence into a pass. Every answer that means "absent" carries the positive control that proves the
probe works, and every answer that was cut short says so.
"""
