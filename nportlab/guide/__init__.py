"""The hardening guide and the device as data: settings, controls, services, modes, family, firmware, events, defects.

Everything here is read from YAML beside the modules. Every row carries its `source` and its `confidence`; what had to
be invented is marked `invented` and listed in docs/fidelity.md. This package imports nothing else of nportlab.
"""
