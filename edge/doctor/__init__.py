"""`camwatch-edge doctor`: is this node able to do its work, and if not, what is to be done?

Looks and asks; changes nothing, and disturbs no agent that runs beside it. The agent never loads
it.
"""
