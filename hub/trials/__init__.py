"""Other motion settings tried on what a camera saw, for whoever waits at a screen: how much time
and memory that may take, and for whom. The judging itself is edge.trace's."""

from hub.trials.trials import Trial, TrialError, Trials, Wish

__all__ = ["Trial", "TrialError", "Trials", "Wish"]
