"""`scalesearch law`: what time costs on a machine."""
