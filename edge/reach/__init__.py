"""How far a server is reached: name, port, TLS, log-in, rights. Asks and says; for the doctors of
node and hub alike, never for a running one.
"""
