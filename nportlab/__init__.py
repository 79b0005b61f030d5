"""Test harness for racks of Moxa NPort 6000 serial device servers."""
