"""What API and console stand on: the HTTP server, who is asking, the audit trail, answers."""
