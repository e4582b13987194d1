"""`scalesearch doctor`: what a machine is, what works on it, what is missing."""
