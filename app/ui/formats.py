"""Figures, dates and names as a reader sees them. The single source: templates and streams never format by hand.

Every function takes the reader's locale from the running request, or `locale` when given, so that a stream can format
once per language.
Results are plain text; the macros of `money.html` wrap them in left-to-right isolates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol, cast, runtime_checkable

from babel import Locale, dates, lists, numbers
from flask import has_app_context
from flask_babel import get_timezone
from markupsafe import Markup

from app.kit import clock
from app.kit.money import exponent
from app.ui import locales

MINUS = "\u2212"
NBSP = "\u00a0"
LTR_ISOLATE, POP_ISOLATE = "\u2066", "\u2069"
DASH = "–"
_ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_TO_LATIN = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫", "01234567890123456789.")

# Set by the floor above: whether the running reader prefers Arabic-Indic digits.
_prefers_arabic_indic: Callable[[], bool] = bool

Figure = Decimal | int | float


@runtime_checkable
class HasAmount(Protocol):
    """Money, as this module needs it."""

    @property
    def amount(self) -> Decimal: ...
    @property
    def currency(self) -> str: ...


def install_digit_preference(prefers: Callable[[], bool]) -> None:
    """Set how the running reader's wish for Arabic-Indic digits is known."""
    global _prefers_arabic_indic
    _prefers_arabic_indic = prefers


def _locale(locale: str | None) -> Locale:
    return locales.parse(locale) if locale else locales.current()


def _digits(text: str, locale: Locale) -> str:
    return text.translate(_ARABIC_INDIC) if locale.language in ("ar", "fa", "ur") and _prefers_arabic_indic() else text


def latin_digits(text: str) -> str:
    """What a person typed, with Latin digits and a point: Arabic-Indic and Persian digits are understood everywhere."""
    return text.translate(_TO_LATIN)


def isolate(text: str) -> str:
    """Plain text that keeps its left-to-right order in a sentence of either direction, where no markup is possible."""
    return f"{LTR_ISOLATE}{text}{POP_ISOLATE}"


def _decimal(value: Figure) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _fixed(value: Decimal, places: int, locale: Locale, grouping: bool = True) -> str:
    """The absolute value with exactly `places` decimals and the locale's separators."""
    pattern = ("#,##0" if grouping else "0") + ("." + "0" * places if places else "")
    shown = abs(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return _digits(numbers.format_decimal(shown, format=pattern, locale=locale), locale)


def _sign(value: Decimal, sign: bool) -> str:
    return MINUS if value < 0 else "+" if sign and value > 0 else ""


def split_money(value: HasAmount | Figure, currency: str | None = None) -> tuple[Decimal, str]:
    """Amount and currency of Money, of whole minor units (int) with a currency, or of a Decimal with a currency."""
    if isinstance(value, HasAmount):
        return value.amount, value.currency
    if currency is None:
        raise ValueError("An amount without a currency cannot be shown.")
    return (Decimal(value).scaleb(-exponent(currency)) if isinstance(value, int) else _decimal(value)), currency


def money(
    value: HasAmount | Figure,
    currency: str | None = None,
    *,
    sign: bool = False,
    code: bool = True,
    locale: str | None = None,
) -> str:
    """`−1,204.30 USD`: sign, digits with the locale's separators, a no-break space, the ISO code.

    Assets with more than three decimals lose trailing zeros beyond the second.
    """
    amount, unit = split_money(value, currency)
    shown_in = _locale(locale)
    places = exponent(unit)
    if places > 3:
        places = max(2, -cast(int, amount.normalize().as_tuple().exponent))
        places = min(places, exponent(unit))
    text = _sign(amount, sign) + _fixed(amount, places, shown_in)
    return f"{text}{NBSP}{unit}" if code else text


def money_tone(value: HasAmount | Figure) -> str:
    """The class that colours a gain or a loss; the sign stays beside the colour."""
    amount = value.amount if isinstance(value, HasAmount) else _decimal(value)
    return "x-gain" if amount > 0 else "x-loss" if amount < 0 else ""


def currency_of(value: HasAmount | Figure, currency: str | None = None) -> str:
    """The ISO code that belongs to an amount."""
    return split_money(value, currency)[1]


def plain(value: HasAmount | Figure) -> str:
    """An amount as an input takes it: Latin digits, a point, no groups."""
    amount = value.amount if isinstance(value, HasAmount) else _decimal(value)
    return f"{amount:f}"


def zero(currency: str) -> str:
    """Nothing, with the currency's decimals, as a placeholder."""
    return f"{Decimal(0).scaleb(-exponent(currency)):f}"


def number(value: Figure, places: int | None = None, *, sign: bool = False, locale: str | None = None) -> str:
    """A plain number; without `places` the decimals it has, at most three."""
    figure, shown_in = _decimal(value), _locale(locale)
    if places is None:
        places = min(3, max(0, -cast(int, figure.normalize().as_tuple().exponent)))
    return _sign(figure, sign) + _fixed(figure, places, shown_in)


def percent(share: Figure, places: int = 1, *, sign: bool = False, locale: str | None = None) -> str:
    """A share from 0 to 1 as `12.4%`, in every locale with the sign last."""
    figure = (_decimal(share) * 100).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    if figure == figure.to_integral_value() and not sign:
        places = 0
    return _sign(figure, sign) + _fixed(figure, places, _locale(locale)) + "%"


def lots(value: Figure, *, locale: str | None = None) -> str:
    """A volume in lots: two decimals, more only where they are needed."""
    figure = _decimal(value)
    places = max(2, -cast(int, figure.normalize().as_tuple().exponent))
    return _sign(figure, False) + _fixed(figure, min(places, 8), _locale(locale))


def price(value: Figure, places: int | None = None, *, locale: str | None = None) -> str:
    """A price or rate with the symbol's digits; without `places` the digits it came with. Never grouped."""
    figure = _decimal(value)
    if places is None:
        places = max(0, -cast(int, figure.as_tuple().exponent))
    return _sign(figure, False) + _fixed(figure, min(places, 10), _locale(locale), grouping=False)


def short_address(value: str) -> str:
    """A wallet address or hash, its first six and last six characters."""
    return value if len(value) <= 15 else f"{value[:6]}…{value[-6:]}"


# Instants are stored in UTC and shown in the reader's zone.


def _zone() -> dt.tzinfo:
    return (get_timezone() if has_app_context() else None) or dt.UTC


def _local(at: dt.datetime) -> dt.datetime:
    return at.astimezone(_zone())


def day(value: dt.date, *, locale: str | None = None) -> str:
    """A calendar date: `24 Nov 2026` in the locale's order."""
    shown_in = _locale(locale)
    return _digits(dates.format_skeleton("yMMMd", value, locale=shown_in), shown_in)


def month(year: int, number: int, *, locale: str | None = None) -> str:
    """A month of a year: `November 2026`."""
    shown_in = _locale(locale)
    return _digits(dates.format_skeleton("yMMMM", dt.date(year, number, 1), locale=shown_in), shown_in)


def duration(seconds: int, *, locale: str | None = None) -> str:
    """A length of time by its largest unit, rounded: `3 hours`."""
    shown_in = _locale(locale)
    text = dates.format_timedelta(dt.timedelta(seconds=seconds), granularity="second", threshold=1, locale=shown_in)
    return _digits(text, shown_in)


def clock_time(value: dt.datetime | dt.time, *, seconds: bool = False, locale: str | None = None) -> str:
    """A time of day on the 24-hour clock."""
    shown_in = _locale(locale)
    return _digits(dates.format_time(value, format="HH:mm:ss" if seconds else "HH:mm", locale=shown_in), shown_in)


def instant(at: dt.datetime, style: str = "datetime", *, locale: str | None = None) -> str:
    """An instant in the reader's zone. style: date, time, seconds, datetime, or relative (after a week the date)."""
    shown_in, local = _locale(locale), _local(at)
    if style == "date":
        return day(local.date(), locale=locale)
    if style in ("time", "seconds"):
        return clock_time(local.timetz().replace(tzinfo=None), seconds=style == "seconds", locale=locale)
    if style == "relative":
        return _relative(at, shown_in, locale)
    joined = str(shown_in.datetime_formats["medium"])
    time = clock_time(local.timetz().replace(tzinfo=None), locale=locale)
    return joined.replace("{1}", day(local.date(), locale=locale)).replace("{0}", time)


def _relative(at: dt.datetime, shown_in: Locale, locale: str | None) -> str:
    distance = at - clock.now()
    if abs(distance) > dt.timedelta(days=7):
        return day(_local(at).date(), locale=locale)
    return _digits(dates.format_timedelta(distance, add_direction=True, locale=shown_in, format="long"), shown_in)


def full_instant(at: dt.datetime, *, locale: str | None = None) -> str:
    """The whole instant with seconds and the name of the zone, for a title."""
    shown_in, local = _locale(locale), _local(at)
    joined = str(shown_in.datetime_formats["medium"])
    zone = dates.get_timezone_name(local, width="short", locale=shown_in, return_zone=False)
    time = clock_time(local.timetz().replace(tzinfo=None), seconds=True, locale=locale)
    return f"{joined.replace('{1}', day(local.date(), locale=locale)).replace('{0}', time)} {zone}"


def iso(at: dt.datetime) -> str:
    """The machine's form, in UTC."""
    return at.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def unix_day(seconds: int, *, locale: str | None = None) -> str:
    """The date of a point on a chart."""
    return day(dt.datetime.fromtimestamp(seconds, dt.UTC).date(), locale=locale)


def items(values: list[str], *, locale: str | None = None) -> str:
    """`A, B and C` in the reader's language."""
    return lists.format_list(values, locale=_locale(locale))


def country(code: str, *, locale: str | None = None) -> str:
    """The name of a country by its ISO code; the code itself where the language has no name for it."""
    return str(_locale(locale).territories.get(code, code))


def language(code: str, *, locale: str | None = None) -> str:
    """The name of a language in the reader's own."""
    shown_in = _locale(locale)
    return str(locales.parse(code).get_display_name(shown_in) or code) if code else DASH


def initials(name: str) -> str:
    """One or two letters for an avatar."""
    words = [word for word in name.replace("@", " ").split() if word[:1].isalnum()]
    if not words:
        return "?"
    first, last = words[0][0], words[-1][0] if len(words) > 1 else ""
    return (first + last).upper()


def hue(name: str) -> int:
    """A number from 0 to 7 that stays the same for a name, to tint its avatar."""
    return sum(ord(letter) * (position + 1) for position, letter in enumerate(name)) % 8


def live_value(value: Mapping[str, str], locale: str) -> str:
    """A number of the live lane as safe HTML: `{"kind", "value", "currency"?, "signed"?}`.

    `kind` is money, number, percent, lots, price or text; with `signed` "1" a gain bears its plus and its colour.
    A value that cannot be read is shown as a dash, because a stream must go on.
    """
    signed = value.get("signed") == "1"
    try:
        text = _live_text(value, locale, signed)
        figure = Decimal(value["value"]) if signed else Decimal(0)
    except (KeyError, ValueError, ArithmeticError):
        return DASH
    tone = f" {money_tone(figure)}" if money_tone(figure) else ""
    return str(Markup('<bdi dir="ltr" class="num{}">{}</bdi>').format(tone, text))


def _live_text(value: Mapping[str, str], locale: str, signed: bool) -> str:
    kind = value.get("kind", "text")
    if kind == "money":
        return money(Decimal(value["value"]), value["currency"], sign=signed, locale=locale)
    if kind == "number":
        return number(Decimal(value["value"]), sign=signed, locale=locale)
    if kind == "percent":
        return percent(Decimal(value["value"]), sign=signed, locale=locale)
    if kind == "lots":
        return lots(Decimal(value["value"]), locale=locale)
    if kind == "price":
        return price(Decimal(value["value"]), locale=locale)
    return value["value"]
