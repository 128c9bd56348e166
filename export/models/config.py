"""How a tower's frozen config is read from the dictionary that the original ``config.json`` holds."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

from inference.errors import ReparteeError

ConfigT = TypeVar("ConfigT")


class ConfigError(ReparteeError, ValueError):
    """A model config that cannot be used; the message says what is wrong with it."""


def _checked(field: Field[Any], value: object, where: str) -> object:
    """Return the value in the field's type, or say what is wrong with it."""
    kinds: dict[object, tuple[type, ...]] = {int: (int,), float: (int, float), str: (str,), bool: (bool,)}
    allowed = kinds.get(field.type)
    if allowed is None:
        return value
    if not isinstance(value, allowed) or (isinstance(value, bool) and field.type is not bool):
        wanted = getattr(field.type, "__name__", "?")
        raise ConfigError(f"{where}: {field.name} is {value!r}, not of type {wanted}")
    if field.type is int and not field.name.endswith("_id") and int(str(value)) < 1:
        raise ConfigError(f"{where}: {field.name} is {value}, it must be at least 1")
    return float(str(value)) if field.type is float else value


def from_mapping(cls: type[ConfigT], values: Mapping[str, Any], where: str) -> ConfigT:
    """Make a config dataclass from a mapping; keys that the class does not know are ignored.

    Raises:
        ConfigError: a value has the wrong type or a needed one is missing.
    """
    known: dict[str, Any] = {}
    for field in fields(cls):  # type: ignore[arg-type]
        if field.name in values and values[field.name] is not None:
            known[field.name] = _checked(field, values[field.name], where)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{where}: {field.name} is missing")
    return cls(**known)
