"""One folder a command: what it alone runs (run.py) and what it alone shows (view.py, figures.py)."""
