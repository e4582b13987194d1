"""One lifecycle for every run in a folder: begin, lock, carry on, report."""
