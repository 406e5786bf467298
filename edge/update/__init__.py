"""Updates on the node: the agent fetches what the hub orders; the installer, as root, trusts none
of it, builds it beside what runs, and takes it back unless the node does what it did before."""
