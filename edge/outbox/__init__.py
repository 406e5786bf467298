"""The durable journal of signed records, and the list of files that wait with them.

`append` returns when the record would survive a power cut; a record leaves only on the hub's
acknowledgement. See docs/design/outbox.md for what is guaranteed and what is not.
"""
