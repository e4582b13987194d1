"""What a network costs when asked: fvcore, latency, and the machine it was asked on."""
