"""The rack is never left dirty: locks, journal, baseline and restore, recovery, permissions, the bench before blame."""
