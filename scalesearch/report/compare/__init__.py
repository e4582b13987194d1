"""Two networks timed in turn: lines, page and figure."""
