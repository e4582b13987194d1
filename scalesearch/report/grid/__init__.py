"""A grid search: its answer and page."""
