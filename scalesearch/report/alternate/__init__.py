"""A run of alternating searches: its table, figure and page."""
