"""The node's settings: one YAML file becomes frozen dataclasses, once, at start.

Validation is pure: nothing is opened or probed. Secrets come by file path. All problems are
reported together; an unknown key names the nearest known one.
"""
