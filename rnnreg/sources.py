"""Checked downloads."""
from dataclasses import dataclass

@dataclass(frozen=True)
class Source:
    name: str
