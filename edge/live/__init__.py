"""Live view and pictures at once, for those who watch now; recording never waits for them."""
