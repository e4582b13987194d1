"""Whether the best coefficients of one search serve another: evidence, figures and page."""
