"""What a network is, as frozen data, and what it costs. Only ``network`` knows torch."""
