"""One dimension alone against all together: evidence, figure and page."""
