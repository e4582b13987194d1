"""A scaled family: figures and page, the published family beside it, and its training."""
