"""How the node is: probes of the machine, trust in its clock, the report every 30 s."""
