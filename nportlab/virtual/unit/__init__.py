"""One virtual unit: its flash, its clock, its accounts, and the services it offers on the network."""
