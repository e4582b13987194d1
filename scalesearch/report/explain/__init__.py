"""Why the numbers disagree: the explanation of a network, and of a variant."""
