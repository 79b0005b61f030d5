"""One unit under test: its consoles, services and configuration file, behind the facade `Unit`."""
