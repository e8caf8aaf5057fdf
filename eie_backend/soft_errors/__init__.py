"""Soft errors: bits that flip while the machine runs, and what becomes of its answers.

``docs/soft_errors.md`` says what flips, what the machine then does, and what that costs.
"""

from eie_backend.soft_errors.campaign import Campaign, FaultRow
from eie_backend.soft_errors.flips import BitFlip, read_flips
from eie_backend.soft_errors.strike import Struck, strike, striking

__all__ = ["BitFlip", "Campaign", "FaultRow", "Struck", "read_flips", "strike", "striking"]
