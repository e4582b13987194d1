"""`scalesearch alternate`: coefficients, then phi under a budget, until both settle."""
