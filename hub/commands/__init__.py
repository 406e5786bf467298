"""What the hub asks of nodes: signed commands out, verified replies in."""

from hub.commands.commander import Answer, Commander, CommandError, Order

__all__ = ["Answer", "CommandError", "Commander", "Order"]
