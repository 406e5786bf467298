"""Whose footage somebody may see. Pure; the archive's questions take it and keep to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """Everything, or what cameras saw while they were in one of `areas` or below, or belonged to
    one of `organisations` (codes). A scope of nothing sees nothing."""

    is_everything: bool = False
    areas: frozenset[str] = frozenset()
    organisations: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.is_everything and (self.areas or self.organisations):
            raise ValueError("a scope of everything names no areas or organisations")


EVERYTHING = Scope(is_everything=True)
NOTHING = Scope()
