"""HTTP in: clip bytes from nodes. Later rooms of the API and the console stand beside it."""
