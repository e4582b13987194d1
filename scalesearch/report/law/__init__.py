"""A cost law: evidence, figures and page, and where it moves the best split."""
