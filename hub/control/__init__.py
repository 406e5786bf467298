"""The running hub's socket for the command line on the same machine."""
