"""Experiment files: which keys and values are valid, and errors that name the wrong key."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from nasbench.benchmarks.protocols import Protocol, find_protocol, protocols
from nasbench.errors import InvalidInput
from nasbench.harness.options import Option, RunOptions, options_of
from nasbench.limits import EPOCHS, Amount, Count
from nasbench.text import printable, shown


def _seen(text: str) -> str:
    """Return a text; raise `ValueError` for characters that cannot be seen, such as NUL."""
    if printable(text) != text:
        raise ValueError("it has characters that cannot be seen")
    return text


Text = Annotated[str, Field(min_length=1), AfterValidator(_seen)]
Name = Annotated[str, Field(pattern=r"^\w[\w.@+-]{0,63}$")]
Epochs = Annotated[int, Field(ge=EPOCHS.least, le=EPOCHS.most)]
Model = TypeVar("Model", bound=BaseModel)
_ENDLESS = 2**62
"""A limit from which on messages show no limit: it only says which numbers can be stored."""


class _Strict(BaseModel):
    """A model that converts no value and refuses unknown keys; descriptions say what is valid."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class CustomProtocol(_Strict):
    """The table `[protocol]`: a published protocol with some of its values changed."""

    name: Name = Field(
        description="a name of its own, up to 64 letters, digits and '_.@+-', no mark first"
    )
    base: str = Field("nb201-paper", description=f"one of {', '.join(protocols())}")
    schedule: Epochs | None = Field(None, description="a schedule's length in epochs, such as 12")
    epochs: Epochs | None = Field(None, description="an epoch of the schedule, such as 12")
    trials: Literal["mean", "random"] | None = Field(None, description="'mean' or 'random'")
    repeats: Literal["charge", "free"] | None = Field(None, description="'charge' or 'free'")
    seconds: dict[str, Annotated[float, Field(gt=0)]] | None = Field(
        None, min_length=1, description="seconds above 0 per data set searched: {cifar10 = 12000}"
    )
    evaluations: dict[str, Annotated[int, Field(ge=1)]] | None = Field(
        None, min_length=1, description="a whole number above 0 per data set: {cifar10 = 100}"
    )
    reports: dict[str, Annotated[list[Text], Field(min_length=1)]] | None = Field(
        None, description='a list of data sets per data set searched: {cifar10 = ["cifar10"]}'
    )


def _of_a_file(option: Option) -> tuple[Any, Any]:
    """Return an option's type in an experiment file, and a field that describes what is valid."""
    form, kind, said = option.form, option.file, option.valid
    if isinstance(form, Count):
        kind = Annotated[int, Field(ge=form.least, le=form.most)]
        most = f" to {form.most}" if form.most < _ENDLESS else " or more"
        said = said or f"a whole number of {form.least}{most}"
    elif isinstance(form, Amount):
        kind = Annotated[float, Field(ge=form.least, le=form.most)]
        most = f" to {form.most:g}" if math.isfinite(form.most) else " or more"
        said = said or f"a number of {form.least:g}{most}"
    elif isinstance(form, tuple):
        kind = Literal[form]
        said = said or " or ".join(f"'{word}'" for word in form)
    elif kind is None:
        kind = Text | list[Text] if form == "texts" else Text
    return kind | None, Field(None, description=said)


_STRATEGIES = Field(
    None, description="a list of names, or a table of settings for each: [strategies.reinforce]"
)
_KEYS: dict[str, Any] = {
    "strategies": (Text | list[Text] | dict[str, dict[str, Any]] | None, _STRATEGIES),
    **{
        name: _of_a_file(option)
        for name, (_, option) in options_of(RunOptions).items()
        if option.valid or option.help
    },
}
ExperimentFile = create_model("ExperimentFile", __base__=_Strict, **_KEYS)
"""The keys of an experiment file: `strategies`, and the options of `nasbench run`."""


def read_config(data: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the keyword arguments of `run` from the content of an experiment file.

    Raises `InvalidInput`, which names the key, its wrong value and what is valid.
    """
    file = _validated(ExperimentFile, data, "experiment file:")
    for key, value in file.model_dump(exclude_unset=True).items():
        if key == "strategies" and isinstance(value, dict):
            yield "strategies", list(value)
            yield "settings", {name: given for name, given in value.items() if given}
        elif key == "protocol" and isinstance(value, dict):
            yield "protocol", custom_protocol(value)
        else:
            yield key, value


def custom_protocol(values: Mapping[str, Any]) -> Protocol:
    """Return a protocol made from a published one, `base`, with some of its values changed.

    Raises `InvalidInput`, which names the key, its wrong value and what is valid.
    """
    given = _validated(CustomProtocol, values, "protocol:")
    if given.base not in protocols():
        known = ", ".join(protocols())
        raise InvalidInput(f"protocol: base cannot be {shown(given.base)}: it is one of {known}")
    base = find_protocol(given.base)
    if given.name in protocols():
        raise InvalidInput(f"protocol '{given.name}' is published: name yours differently")
    changes = given.model_dump(exclude_unset=True, exclude={"base"})
    if given.reports is not None:
        changes["reports"] = {name: tuple(reported) for name, reported in given.reports.items()}
    if given.evaluations is not None and given.seconds is None:
        changes["seconds"] = {}  # a number of evaluations in place of the published seconds
    made = replace(base, source="custom", **changes)
    if made.epochs > made.schedule:
        raise InvalidInput(
            f"protocol: epochs cannot be {made.epochs}: the schedule has {made.schedule}"
        )
    for dataset in made.datasets:
        if dataset not in made.reports:
            raise InvalidInput(
                f"protocol: a budget is given for '{dataset}', but reports say not what to judge "
                f'there: add reports = {{{dataset} = ["{dataset}"]}}'
            )
    return made


def _validated(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """Return `data` as `model`; raise `InvalidInput` about the first mistake in it."""
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise InvalidInput(f"{where} {_mistake(model, error)}") from None


def _mistake(model: type[BaseModel], error: ValidationError) -> str:
    first = error.errors()[0]
    key, valid = str(first["loc"][0]), model.model_fields
    if first["type"] == "extra_forbidden":
        near = get_close_matches(key, valid, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"key '{printable(key):.60}' is unknown: valid are {', '.join(sorted(valid))}{hint}"
    if first["type"] == "missing":
        return f"key '{key}' is missing: it is {valid[key].description}"
    described = valid[key].description
    if first["type"] == "value_error":
        described = f"{described}, of characters that can be seen"
    return f"'{key}' cannot be {shown(first['input'])}: it is {described}"
