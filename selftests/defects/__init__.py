"""Every check of the suites is known to be able to fail: each seeded defect is caught, a healthy unit passes."""
