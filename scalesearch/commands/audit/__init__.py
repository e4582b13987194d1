"""`scalesearch audit`: the paper's Tables 3 and 7, rebuilt and counted."""
