"""What machine words of commission are called on a page."""

from __future__ import annotations

from app.kit.text import Message, _l, _lp
from app.partners.rules.facts import ReasonCode
from app.referrals import masking
from app.trading.service import proof as trading

TRACKS: dict[str, Message] = {
    "referral": _l("Referral levels"),
    "god": _l("Per lot"),
    "rebate": _l("Rebate"),
    "share": _l("Share of a partner"),
    "cashback": _l("Cashback"),
    "award": _l("Awards"),
}

PLAN_TRACKS: dict[str, Message] = {name: TRACKS[name] for name in ("referral", "god")}
APPROVALS: dict[str, Message] = {"automatic": _l("At once"), "office": _l("After the broker's approval")}

STATES: dict[str, tuple[Message, str]] = {
    "unpaid": (_l("Not paid"), "neutral"),
    "held": (_l("On hold"), "warning"),
    "given_up": (_l("Given up"), "danger"),
    "taken_back": (_l("Taken back"), "danger"),
    "computed": (_l("Not posted yet"), "neutral"),
    "posted": (_l("Under audit"), "info"),
    "released": (_l("Redeemable"), "success"),
}

REASONS: dict[str, Message] = {
    ReasonCode.DEMO: _l("The trade was made on a demo account."),
    ReasonCode.BEFORE_START: _l("The trade was closed before the platform's start with this broker."),
    ReasonCode.OPENING_UNKNOWN: _l("The opening of this position is not known."),
    ReasonCode.ACCOUNT_EXCLUDED: _l("This trading account pays no commission."),
    ReasonCode.PARTNER_ACCOUNT: _l("The trader is a partner, and partners' own trades pay no commission."),
    ReasonCode.GROUP_EXCLUDED: _l("The account's group pays no commission."),
    ReasonCode.SYMBOL_EXCLUDED: _l("This symbol pays no commission."),
    ReasonCode.NO_RULE: _l("No rule of the plan covers this symbol."),
    ReasonCode.SPREAD_UNKNOWN: _l("The spread of this trade is not known."),
    ReasonCode.RATE_UNKNOWN: _l("There was no exchange rate for this trade's currency."),
    ReasonCode.PARTIAL_CLOSE_EXCLUDED: _l("Partly closed positions do not count."),
    ReasonCode.PARTIAL_NOT_FINAL: _l("The last close of this position pays for all of it."),
    ReasonCode.CLOSE_BY_EXCLUDED: _l("Positions closed against each other do not count."),
    ReasonCode.CLOSE_BY_NETTED: _l("Two positions were closed against each other, and only the larger one counts."),
    ReasonCode.DEALER_DEAL: _l("The deal was made by the broker."),
    ReasonCode.COPY_TRADE: _l("Copied trades do not count."),
    ReasonCode.CLOCK_SUSPECT: _l("The platform says that the position was closed before it was opened."),
    ReasonCode.HOLD_TOO_SHORT: _l("The position was open for less than the minimum time."),
    ReasonCode.MOVE_TOO_SMALL: _l("The price moved by less than the minimum between opening and closing."),
    ReasonCode.POINT_UNKNOWN: _l("The size of a point of this symbol is not known."),
    ReasonCode.ZERO_MOVE: _l("The position was closed at the price at which it was opened."),
    ReasonCode.NEGATIVE_BALANCE: _l("The trade took the account's balance below zero."),
    ReasonCode.VOLUME_TOO_SMALL: _l("The volume was below the minimum."),
    ReasonCode.VOLUME_CAP: _l("The volume was above the maximum."),
    ReasonCode.EQUITY_UNKNOWN: _l("What the account was worth at the opening is not known."),
    ReasonCode.HEDGE_NETTED: _l("Opposite trades of the same day offset this volume, and only the larger side counts."),
    ReasonCode.CLIENT_NOT_ACTIVE: _l("The client is not active."),
    ReasonCode.CLIENT_KYC: _l("The client is not verified far enough."),
    ReasonCode.CLIENT_NOT_FUNDED: _l("The client has not deposited own money yet."),
    ReasonCode.CLIENT_LOCKED: _l("This client's trades earn no commission at present."),
    ReasonCode.BEFORE_ATTRIBUTION: _l("The position was opened before the client had a sponsor."),
    ReasonCode.FRAUD_HOLD: _l("The trade is being examined."),
    ReasonCode.FRAUD_REJECT: _l("The trade was examined and does not count."),
    ReasonCode.PARTNER_NOT_APPROVED: _l("The partner did not take part in the referral programme."),
    ReasonCode.PARTNER_SUSPENDED: _l("The partner was not active."),
    ReasonCode.PARTNER_KYC: _l("The partner was not verified far enough."),
    ReasonCode.ACCRUAL_LOCKED: _l("The partner could not earn commission at that time."),
    ReasonCode.CPA_NOT_QUALIFIED: _l("The client has not met the conditions yet."),
    ReasonCode.SELF_REFERRAL: _l("The trader and the partner are the same person."),
    ReasonCode.SAME_CLUSTER: _l("The trader and the partner belong together."),
    ReasonCode.NOT_QUALIFIED: _l("The partner had too few active clients or too little volume."),
    ReasonCode.COUNTRY_DENIED: _l("Commission may not be paid in this country."),
    ReasonCode.NESTED_POLICY: _l("Another partner below takes the amount per lot by the plan's rule."),
    ReasonCode.ZERO_AMOUNT: _l("The plan's rule gives nothing for this trade."),
    ReasonCode.OVERLAP: _l("The other kind of commission was paid for this trade instead."),
    ReasonCode.CAP_REACHED: _l("A cap of the plan was used up."),
}

# Why a line waits or was given up, beside the reasons above. It says what is looked at, never how it was noticed.
HOLDS: dict[str, Message] = {
    "TRADING_PATTERN": _l("The way in which the client trades was questioned."),
    "RELATIONSHIP": _l("How the people involved belong together was questioned."),
}
VERDICTS: dict[str, Message] = {
    "clear": _l("Nothing found"),
    "hold": _l("Being examined"),
    "reject": _l("Examined, does not count"),
}
CAPS: dict[str, Message] = {
    "event": _l("The rule's cap per trade"),
    "path_lot": _l("The cap per lot over all partners"),
    "path_revenue": _l("The cap on the share of revenue over all partners"),
    "partner_day": _l("The cap on what one partner earns in a day"),
    "partner_week": _l("The cap on what one partner earns in a week"),
    "partner_month": _l("The cap on what one partner earns in a month"),
}
BASE_KINDS: dict[str, Message] = {
    "pct_spread": _l("Value of the spread"),
    "pct_markup": _l("Value of the broker's markup"),
    "pips": _l("Value of a fixed number of pips"),
    "pct_commission": _l("Commission that the client paid"),
    "per_million": _l("Amount for every million US dollars traded"),
    "pct_profit": _l("The client's profit before costs"),
    "per_lot": _l("Amount for every lot"),
}
SPREAD_BASES: dict[str, Message] = {
    "open": _l("Spread at the opening"),
    "close": _l("Spread at the closing"),
    "half_half": _l("Mean of the spreads at opening and closing"),
    "capped": _l("Spread at the opening, at most the average"),
    "typical": _l("Usual spread of the symbol"),
}
NESTED: dict[str, Message] = {
    "full": _l("Every partner with an amount per lot gets it in full"),
    "difference": _l("A partner gets what their rate exceeds the highest below"),
    "nearest": _l("Only the partner nearest to the trader"),
    "topmost": _l("Only the topmost partner"),
    "split": _l("The nearest partner's amount is shared upward"),
    "highest": _l("Only the partner with the highest rate"),
}
INELIGIBLE: dict[str, Message] = {
    "forfeit": _l("The amount stays with the broker"),
    "compress": _l("The next partner moves up a level"),
    "hold": _l("The amount waits"),
}
OVERLAPS: dict[str, Message] = {
    "stack": _l("One person may earn from both"),
    "highest": _l("The larger one counts"),
    "track_priority": _l("The first one that pays counts"),
}
CAP_POLICIES: dict[str, Message] = {
    "priority": _l("One kind of commission first, then the other"),
    "pro_rata": _l("All lines are reduced alike"),
    "nearest_first": _l("Partners nearest to the trader first"),
    "top_first": _l("The topmost partners first"),
}
LEVEL_BASES: dict[str, Message] = {
    "root": _l("What the trade brought"),
    "previous": _l("What the level below got"),
}
MOVES: dict[str, Message] = {
    "next_settlement_day": _l("From the next settlement day"),
    "immediate": _l("At once"),
}
PARTIAL_CLOSES: dict[str, Message] = {
    "pro_rata": _l("Pay for the part that was closed"),
    "final_only": _l("Pay for all of it at the last close"),
    "exclude": _l("Pay nothing"),
}
CLOSE_BYS: dict[str, Message] = {
    "both": _l("Pay for both"),
    "larger_side": _l("Pay for the larger one"),
    "net": _l("Pay for what the larger one exceeds the other"),
    "exclude": _l("Pay nothing"),
}
HEDGES: dict[str, Message] = {
    "off": _l("Count all of it"),
    "max_side": _l("Count the larger side of a day"),
}
CREDITS: dict[str, Message] = {
    "off": _l("Count all of it"),
    "on": _l("Count the part that is the client's own money"),
}
EQUITIES: dict[str, Message] = {
    "exclude": _l("Pay nothing"),
    "balance": _l("Count the balance without open positions"),
}
WEEK_STARTS: dict[str, Message] = {
    "monday": _l("Monday"),
    "tuesday": _l("Tuesday"),
    "wednesday": _l("Wednesday"),
    "thursday": _l("Thursday"),
    "friday": _l("Friday"),
    "saturday": _l("Saturday"),
    "sunday": _l("Sunday"),
}
PAYS: dict[str, Message] = {"pay": _l("Pay as any other"), "exclude": _l("Pay nothing")}
FX_TIMES: dict[str, Message] = {
    "event": _l("The day of the trade"),
    "settlement": _l("The day of the settlement"),
}
ROUNDING_SCOPES: dict[str, Message] = {
    "day": _l("Once a day, with what is left carried on"),
    "line": _l("Every line by itself"),
}
ROUNDING_MODES: dict[str, Message] = {
    "half_even": _l("To the nearest, halves to the even digit"),
    "down": _l("Towards zero"),
    "half_up": _l("To the nearest, halves up"),
}
AUDIT_CALENDARS: dict[str, Message] = {
    "calendar": _l("Calendar days"),
    "business": _l("Business days"),
}
RELEASE_TARGETS: dict[str, Message] = {
    "partner_redeem": _l("To each partner"),
    "tenant_pool": _l("To a pool of the brand, from which partners draw when they are paid out"),
}
REPLAY_VIEWS: dict[str, Message] = {
    "partner": _l("By partner"),
    "symbol": _l("By symbol"),
    "day": _l("By day"),
    "client": _l("By client"),
}
TREE_AS_OF: dict[str, Message] = {
    "close": _l("When the position was closed"),
    "open": _l("When the position was opened"),
    "settlement": _l("When the day is settled"),
}
SIDES: dict[str, Message] = {"buy": _lp("side", "Buy"), "sell": _lp("side", "Sell")}
SPREAD_SOURCES: dict[str, Message] = {
    "deal": _l("recorded on the deal"),
    "typical": _l("usual spread of the symbol"),
}


def reason(code: str) -> Message:
    """The sentence of a reason, or of what a line waits for."""
    return HOLDS[code] if code in HOLDS else REASONS[code]


def incomplete(said: str) -> str:
    """What a run noted of platforms that are not complete, in the reader's language; other text as it stands."""
    for sentence in trading.INCOMPLETE:
        said = said.replace(sentence.in_english(), str(sentence))
    return said


def masked(name: str) -> str:
    """A client's name as their partner sees it; the tenant says how much of it."""
    return masking.shown_name(name)
