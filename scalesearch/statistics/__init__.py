"""The answer: surfaces over shares and length, regions and rates; intervals; the cost law."""
