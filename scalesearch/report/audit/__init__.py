"""The audit of the paper's tables: evidence, tables, figures and page."""
