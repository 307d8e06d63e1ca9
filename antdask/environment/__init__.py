"""Series for marine science: rates on a regular UTC grid, bioluminescence, slow control; made from the streams of an archive."""
