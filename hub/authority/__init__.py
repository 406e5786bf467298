"""The hub's own small certificate authority: makes, issues and renews what broker and hub prove
themselves with. Run as root by the installer and a timer; the running hub never sees its key.
Knows no archive and no settings."""
