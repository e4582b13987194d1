"""`scalesearch compare`: two networks timed in turn."""
