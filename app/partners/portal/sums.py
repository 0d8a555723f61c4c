"""A line of arithmetic that a reader can do again, and that is shown only where doing it gives the stored number."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from app.kit.money import Rounding, round_decimal
from app.kit.text import Message
from app.partners.rules.steps import product, quotient_down, quotient_step, total

Operator = Literal["", "×", "÷", "+", "−"]
Part = tuple[Operator, Decimal]
ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Sum:
    """One step of a computation. `parts` are products and quotients, or sums and differences, from left to right.

    Without parts the result is as it was found. `rounding` says how the result was rounded: `even` and `down` to ten
    decimals, a mode of the plan to the currency's own.
    """

    label: Message
    result: Decimal
    parts: tuple[Part, ...] = ()
    unit: str = ""
    note: Message | str = ""
    rounding: Literal["even", "down"] | Rounding = "even"
    places: int = 10

    @property
    def computed(self) -> Decimal:
        """What the parts give when they are computed again."""
        if any(operator in ("+", "−") for operator, _ in self.parts):
            exact = total(*(-number if operator == "−" else number for operator, number in self.parts))
            return exact if isinstance(self.rounding, str) else round_decimal(exact, self.places, self.rounding)
        above = product(*(number for operator, number in self.parts if operator != "÷"))
        below = product(*(number for operator, number in self.parts if operator == "÷"))
        return quotient_down(above, below) if self.rounding == "down" else quotient_step(above, below)

    @property
    def holds(self) -> bool:
        """Whether the parts give the result."""
        return bool(self.parts) and self.computed == self.result

    @property
    def shown_parts(self) -> tuple[Part, ...]:
        """The parts without factors that change nothing; none where the arithmetic would not give the result."""
        if not self.holds:
            return ()
        kept = [(op, number) for op, number in self.parts if not (op in ("×", "÷") and number == ONE)]
        if kept and kept[0][0] in ("×", "+"):
            kept[0] = ("", kept[0][1])
        return tuple(kept) if len(kept) > 1 else ()


def times(*numbers: Decimal | None, over: tuple[Decimal, ...] = ()) -> tuple[Part, ...]:
    """A product, divided by some numbers; nothing where one of its factors is not known."""
    if any(number is None for number in numbers):
        return ()
    known = [number for number in numbers if number is not None]
    first: list[Part] = [("" if place == 0 else "×", number) for place, number in enumerate(known)]
    return (*first, *(("÷", number) for number in over))


def plus(*numbers: Decimal | None) -> tuple[Part, ...]:
    """A sum; a negative number is taken away."""
    if any(number is None for number in numbers):
        return ()
    found: list[Part] = []
    for place, number in enumerate(number for number in numbers if number is not None):
        if place == 0:
            found.append(("", number))
        else:
            found.append(("−", -number) if number < 0 else ("+", number))
    return tuple(found)


def less(first: Decimal, *taken: Decimal) -> tuple[Part, ...]:
    """A difference, written as one even where nothing is taken away."""
    rest: list[Part] = [("+", -number) if number < 0 else ("−", number) for number in taken]
    return (("", first), *rest)
