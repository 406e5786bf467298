"""Loads the harness's fixtures for every test, and pytest's own for testing them."""

pytest_plugins = ["tests.harness.plugin", "pytester"]
