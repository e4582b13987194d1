"""How far short runs can be trusted: evidence, figure and page."""
