"""Loads the harness's fixtures for every test."""

pytest_plugins = ["tests.harness.plugin"]
