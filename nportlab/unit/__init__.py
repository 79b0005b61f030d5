"""One unit under test: web console, text console, SNMP, Moxa service and configuration file, behind the facade `Unit`."""
