"""Jobs of plain data, and the fresh processes that run them."""
