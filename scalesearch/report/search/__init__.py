"""A sampled search: evidence, figures and page."""
