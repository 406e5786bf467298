"""What can go wrong with the authority."""

from edge.base.errors import CamwatchError


class AuthorityError(CamwatchError):
    """A certificate cannot be made, renewed or used."""
