"""Loads the command-line options and the fixtures; nothing else."""

pytest_plugins = [
    "fixtures.options",
    "fixtures.report",
    "fixtures.full_disk",
    "fixtures.collection",
    "fixtures.show",
    "fixtures.signals",
    "fixtures.session",
    "fixtures.scheduler",
    "fixtures.unit",
    "fixtures.lab",
    "fixtures.power",
    "fixtures.probes",
    "fixtures.observation",
    "fixtures.certificates",
    "fixtures.pending",
    "fixtures.browser",
]
