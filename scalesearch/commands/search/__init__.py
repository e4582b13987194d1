"""`scalesearch search`: a sampler suggests the shares."""
