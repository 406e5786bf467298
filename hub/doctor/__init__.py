"""`camwatch-hub doctor`: can this hub do its work, and if not, what is to be done?

Looks and asks; changes nothing, and disturbs no hub that runs beside it.
"""
