"""The hub's settings: one YAML file becomes frozen values once, at start."""

from hub.config.file import load_file
from hub.config.settings import HttpSettings, HubSettings, MqttSettings, NodeFileSettings

__all__ = ["HttpSettings", "HubSettings", "MqttSettings", "NodeFileSettings", "load_file"]
