"""Equality of plain values as YAML means it: 1 is neither true nor 1.0, and nan equals nan."""

from typing import Any


def same(one: Any, other: Any) -> bool:
    """Equal values of equal types in any order of keys; nan equals nan."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other or (one != one and other != other))
