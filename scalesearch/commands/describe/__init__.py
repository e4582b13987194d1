"""`scalesearch describe`: a network as its paper's table, or as a file."""
