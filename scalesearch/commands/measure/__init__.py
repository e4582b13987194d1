"""`scalesearch measure`: latency, throughput and memory, with their spread."""
