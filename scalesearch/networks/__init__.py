"""A network as data: its table, layers, cost, the built-in ones; building, growing and matching it."""
