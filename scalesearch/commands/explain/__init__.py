"""`scalesearch explain`: why the numbers disagree."""
