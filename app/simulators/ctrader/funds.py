"""Balance operations, bonuses and transfers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from app.simulators.ctrader.enums import BalanceType, BonusType, ExecutionType
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.margin import note_equity, withdrawable
from app.simulators.ctrader.records import Bonus, Cash, Trader
from app.simulators.ctrader.state import Event, Plant


@dataclass(frozen=True, slots=True)
class Notes:
    """What is written beside a movement of money."""

    comment: str = ""
    external_note: str = ""
    source: str = ""
    external_id: str = ""


def amount_minor(plant: Plant, trader: Trader, amount: int, *, is_new_way: bool) -> int:
    """A request's amount as records count: 10^-digits of the asset in the new way, always hundredths in the old."""
    digits = plant.asset_of(trader).digits if is_new_way else 2
    return _scaled(Decimal(amount).scaleb(-digits), trader)


def precise_minor(trader: Trader, amount: Decimal) -> int:
    """A decimal amount as records count; refused when it is finer than that."""
    return _scaled(amount, trader)


def _scaled(amount: Decimal, trader: Trader) -> int:
    if not amount.is_finite():
        raise Refusal("CHANGE_BALANCE_BAD_AMOUNT", "Amount is not a number")
    scaled = amount.scaleb(trader.money_digits)
    if scaled != int(scaled):
        raise Refusal("CHANGE_BALANCE_BAD_AMOUNT", "Amount is more precise than the account")
    return int(scaled)


def change_balance(
    plant: Plant, trader: Trader, kind: int, amount: int, notes: Notes | None = None, *, is_margin_checked: bool = True
) -> Cash:
    """Move money onto or off an account. `amount` is positive; the kind says in which direction."""
    notes = notes or Notes()
    try:
        kind = BalanceType(kind)
    except ValueError:
        raise Refusal("INVALID_REQUEST", f"Balance type {kind} cannot be posted") from None
    if amount <= 0:
        raise Refusal("CHANGE_BALANCE_BAD_AMOUNT", "Amount must be positive")
    if plant.switches.refuses_duplicate_external_id and notes.external_id:
        earlier = plant.cash.window(0, 1 << 61, [trader.trader_id])
        if any(cash.external_id == notes.external_id for cash in earlier):
            raise Refusal("INVALID_REQUEST", "External id was used before")
    if kind.is_withdrawal:
        _require_funds(plant, trader, kind, amount, is_margin_checked)
    delta = -amount if kind.is_withdrawal else amount
    if kind.is_credit:
        trader.nonwithdrawable_bonus += delta
    else:
        trader.balance += delta
    trader.balance_version += 1
    figures = note_equity(plant, trader)
    cash = Cash(
        balance_history_id=plant.take("cash"),
        trader_id=trader.trader_id,
        type=int(kind),
        delta=delta,
        balance=trader.balance,
        balance_version=trader.balance_version,
        at=plant.now_ms(),
        money_digits=trader.money_digits,
        equity=figures.equity,
        nonwithdrawable_bonus=trader.nonwithdrawable_bonus,
        comment=notes.comment,
        external_note=notes.external_note,
        source=notes.source,
        external_id=notes.external_id,
    )
    plant.add_cash(cash)
    plant.money_moved(trader)
    plant.emit(Event("execution", trader.trader_id, execution=ExecutionType.DEPOSIT_WITHDRAW, cash=cash))
    return cash


def _require_funds(plant: Plant, trader: Trader, kind: BalanceType, amount: int, is_margin_checked: bool) -> None:
    if kind.is_credit:
        has_enough = amount <= trader.nonwithdrawable_bonus
    elif is_margin_checked:
        has_enough = amount <= withdrawable(plant, trader)
    else:
        has_enough = amount <= trader.balance
    if not has_enough:
        raise Refusal("NOT_ENOUGH_MONEY", "Not enough money")


def change_bonus(plant: Plant, trader: Trader, kind: int, amount: int, notes: Notes, *, is_ib: bool = False) -> Bonus:
    """Give a bonus, or take it back."""
    if kind not in (0, 1):
        raise Refusal("INVALID_REQUEST", f"Bonus type {kind} is unknown")
    if amount <= 0:
        raise Refusal("CHANGE_BONUS_BAD_AMOUNT", "Amount must be positive")
    held = trader.ib_bonus if is_ib else trader.manager_bonus
    if kind == BonusType.WITHDRAW and amount > held:
        raise Refusal("CHANGE_BONUS_BAD_AMOUNT", "Bonus is smaller than that")
    delta = -amount if kind == BonusType.WITHDRAW else amount
    if is_ib:
        trader.ib_bonus += delta
    else:
        trader.manager_bonus += delta
    note_equity(plant, trader)
    bonus = Bonus(
        bonus_history_id=plant.take("bonus"),
        trader_id=trader.trader_id,
        type=kind,
        manager_bonus=trader.manager_bonus,
        manager_delta=0 if is_ib else delta,
        ib_bonus=trader.ib_bonus,
        ib_delta=delta if is_ib else 0,
        at=plant.now_ms(),
        money_digits=trader.money_digits,
        comment=notes.comment,
        external_note=notes.external_note,
        external_id=notes.external_id,
    )
    plant.add_bonus(bonus)
    plant.money_moved(trader)
    plant.emit(Event("execution", trader.trader_id, execution=ExecutionType.BONUS_DEPOSIT_WITHDRAW, bonus=bonus))
    return bonus


def transfer(
    plant: Plant, source: Trader, target: Trader, amount: int, rate: Decimal | None, texts: tuple[str, str]
) -> int:
    """Move money between two accounts, and return what arrived."""
    if rate is None:
        rate = plant.prices.conversion(plant.asset_of(source), plant.asset_of(target), plant.now())
    arrived = plant.minor(plant.major(amount, source) * rate, target)
    if amount > 0 and arrived <= 0:
        raise Refusal("CHANGE_BALANCE_BAD_AMOUNT", "Nothing would arrive")
    change_balance(plant, source, BalanceType.WITHDRAW_TRANSFER, amount, Notes(comment=texts[0]))
    change_balance(plant, target, BalanceType.DEPOSIT_TRANSFER, arrived, Notes(comment=texts[1]))
    return arrived
