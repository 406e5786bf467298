"""Camwatch's hub: archives what the nodes report and answers for it."""
