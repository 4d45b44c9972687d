"""The checker of settings, for classes whose annotations are types and for those whose annotations are texts."""

import dataclasses

import pytest

from tfbert import settings
from tfbert.errors import ConfigError


@dataclasses.dataclass
class Run:
    epochs: int = 3
    rate: float = 2e-5
    names: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    stride: int | None = None
    is_static: bool = False
    columns: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Written:
    """As `from __future__ import annotations` leaves its module."""

    epochs: "int" = 3
    stride: "int | None" = None
    tokenizer: "Absent" = None  # noqa: F821


def test_values_take_the_fields_types():
    given = {"rate": 1, "names": ["a"], "weights": [1, 2.5], "stride": None, "columns": {"a": ["b"]}}
    found = settings.checked(Run, given, "the run")
    assert found == {"rate": 1.0, "names": ("a",), "weights": (1.0, 2.5), "stride": None, "columns": {"a": ("b",)}}
    assert isinstance(found["rate"], float) and isinstance(found["weights"][0], float)
    assert settings.checked(Written, {"epochs": 2, "stride": 4}, "the run") == {"epochs": 2, "stride": 4}


@pytest.mark.parametrize(
    ("settings_class", "given", "message"),
    [
        (Run, {"epoch": 1}, "the run has no setting 'epoch'; did you mean 'epochs'?"),
        (Run, {"zzz": 1}, "the run has no setting 'zzz'; the settings are epochs, rate, names"),
        (Run, {"epochs": 2.0}, "epochs of the run must be an integer, not 2.0"),
        (Run, {"epochs": True}, "epochs of the run must be an integer, not True"),
        (Run, {"rate": "1"}, "rate of the run must be a number, not '1'"),
        (Run, {"names": "a"}, "names of the run must be a list of texts, not 'a'"),
        (Run, {"names": ["a", 1]}, "names of the run must be texts, not 1"),
        (Run, {"stride": "4"}, "stride of the run must be an integer, not '4'"),
        (Run, {"is_static": 1}, "is_static of the run must be true or false, not 1"),
        (Run, {"columns": []}, "columns of the run must be a dict"),
        (Written, {"epochs": "2"}, "epochs of the run must be an integer"),
        (Written, {"stride": "2"}, "stride of the run must be an integer"),
    ],
)
def test_wrong_settings(settings_class, given, message):
    with pytest.raises(ConfigError) as error:
        settings.checked(settings_class, given, "the run")
    assert message in str(error.value)


def test_types_of_an_instance():
    settings.check_types(Run(stride=3), "the run")
    with pytest.raises(ConfigError, match="epochs of the run must be an integer, not '3'"):
        settings.check_types(Run(epochs="3"), "the run")


def test_ranges():
    settings.check_positive(Run(), "epochs", "rate")
    with pytest.raises(ConfigError, match="epochs must be positive, not 0"):
        settings.check_positive(Run(epochs=0), "epochs")
    with pytest.raises(ConfigError, match="rate must be positive, not nan"):
        settings.check_positive(Run(rate=float("nan")), "rate")
    with pytest.raises(ConfigError, match="epochs must not be negative, but is -1"):
        settings.check_not_negative(Run(epochs=-1), "epochs")
    with pytest.raises(ConfigError, match="epochs 3 is not one of 1, 2"):
        settings.check_choice(Run(), "epochs", ("1", "2"))
