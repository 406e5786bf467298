"""Who may speak to the hub: accounts, the broker's files made from them, and pinned node keys."""
