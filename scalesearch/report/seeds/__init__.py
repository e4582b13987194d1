"""What several seeds show: tests, the winning set, and how far to trust it."""
