"""Sign-in, rates, dispatch and push of the Open API."""

from __future__ import annotations

from google.protobuf.message import DecodeError, Message

import app.simulators.ctrader.openapi.reading
import app.simulators.ctrader.openapi.session
import app.simulators.ctrader.openapi.trading  # noqa: F401  # They register the requests.
from app.simulators.ctrader.enums import AccessRights, Operation, TradeSide
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.link import Answer, Context, Link, parsed
from app.simulators.ctrader.margin import price_for
from app.simulators.ctrader.openapi import wire
from app.simulators.ctrader.openapi.requests import REQUESTS, Call, Session, name_of, number_of
from app.simulators.ctrader.openapi.tokens import Token, Tokens
from app.simulators.ctrader.proto import sim_openapi_pb2 as pb
from app.simulators.ctrader.records import CtidLink
from app.simulators.ctrader.state import Event, Plant

_APP_AUTH = number_of(pb.ProtoOAApplicationAuthReq)
_SPOT_SCALE = 100_000


class OpenAPIFace:
    """One environment's Open API, whatever the transport."""

    def __init__(self, plant: Plant, tokens: Tokens) -> None:
        self._plant, self._tokens = plant, tokens
        self.links: set[Link] = set()
        tokens.listeners.append(self._token_died)

    def connected(self, link: Link) -> None:
        link.state = Session()
        self.links.add(link)

    def disconnected(self, link: Link) -> None:
        self.links.discard(link)

    def describe(self, link: Link, number: int, payload: bytes, message_id: str | None) -> Context:
        """Name a request for faults, and say which account it concerns."""
        name = name_of(number)
        context = Context(number, (str(number), name, name.removesuffix("Req")), payload, message_id)
        registered = REQUESTS.get(number)
        if registered is not None:
            try:
                ctid = getattr(registered.message.FromString(payload), "ctidTraderAccountId", 0)
            except DecodeError:
                return context
            known = self._plant.links.get(ctid)
            context.ctid, context.trader_id = ctid, known.trader_id if known else None
        return context

    def act(self, link: Link, context: Context) -> list[Answer]:
        """Carry a request out."""
        session: Session = link.state
        with self._plant.clock.hold():
            if not session.all_requests.take():
                raise Refusal("REQUEST_FREQUENCY_EXCEEDED", "Too many requests", retry_after=1)
            if context.number == _APP_AUTH:
                return [self._sign_in(session, parsed(pb.ProtoOAApplicationAuthReq, context.payload))]
            if not session.client_id:
                raise Refusal("CH_CLIENT_NOT_AUTHENTICATED", "Application is not authenticated")
            registered = REQUESTS.get(context.number)
            if registered is None:
                raise Refusal("UNSUPPORTED_MESSAGE", f"Message {context.number} is not supported")
            if registered.is_historical and not session.historical.take():
                raise Refusal("BLOCKED_PAYLOAD_TYPE", "Too many historical requests", retry_after=1)
            call = Call(self._plant, self._tokens, link, session)
            answer = registered.handler(call, parsed(registered.message, context.payload))
        return [] if answer is None else [_answer(answer)]

    def refuse(self, link: Link, context: Context, refusal: Refusal, maintenance_end_ms: int) -> Answer:
        """An error answer. The end of maintenance is in seconds here."""
        message = pb.ProtoOAErrorRes(errorCode=refusal.code)
        if context.ctid:
            message.ctidTraderAccountId = context.ctid
        if refusal.description:
            message.description = refusal.description
        if refusal.retry_after:
            message.retryAfter = refusal.retry_after
        if maintenance_end_ms:
            message.maintenanceEndTimestamp = maintenance_end_ms // 1000
        return _answer(message)

    def _sign_in(self, session: Session, asked: pb.ProtoOAApplicationAuthReq) -> Answer:
        if session.client_id:
            raise Refusal("CH_CLIENT_ALREADY_AUTHENTICATED", "Application is already authenticated")
        self._tokens.require_app(asked.clientId, asked.clientSecret)
        session.client_id = asked.clientId
        return _answer(pb.ProtoOAApplicationAuthRes())

    def _token_died(self, token: Token, reason: str) -> None:
        for link in list(self.links):
            session: Session = link.state
            lost = [number for number, own in session.accounts.items() if own is token]
            for number in lost:
                del session.accounts[number]
            if lost:
                self._push(link, pb.ProtoOAAccountsTokenInvalidatedEvent(ctidTraderAccountIds=lost, reason=reason), 0)

    def __call__(self, event: Event) -> None:
        """Push an event to the connections that are signed in to its account."""
        if not self.links or not event.trader_id:
            return
        known = [link for link in self._plant.links.values() if link.trader_id == event.trader_id]
        for account in known:
            number = account.ctid_trader_account_id
            message: Message | None = None
            for link in list(self.links):
                session: Session = link.state
                if number not in session.accounts:
                    continue
                message = message or self._render(event, account)
                if message is not None:
                    self._push(link, message, event.trader_id, is_answer=event.order is not None)
                self._end_if_disabled(link, session, event, number)

    def _render(self, event: Event, account: CtidLink) -> Message | None:
        number = account.ctid_trader_account_id
        if event.kind == "execution":
            return wire.execution_message(self._plant, event, number)
        if event.kind == "trader" and event.operation is Operation.UPDATE:
            trader = wire.trader_message(self._plant, account)
            return pb.ProtoOATraderUpdatedEvent(ctidTraderAccountId=number, trader=trader)
        if event.kind == "trader" and event.operation is Operation.DELETE:
            return pb.ProtoOAAccountsTokenInvalidatedEvent(ctidTraderAccountIds=[number], reason="Account is deleted")
        if event.kind == "margin" and event.position is not None:
            return pb.ProtoOAMarginChangedEvent(
                ctidTraderAccountId=number,
                positionId=event.position.position_id,
                usedMargin=event.position.used_margin,
                moneyDigits=self._plant.traders[event.trader_id].money_digits,
            )
        return None

    def _end_if_disabled(self, link: Link, session: Session, event: Event, number: int) -> None:
        if event.kind != "trader":
            return
        trader = self._plant.traders[event.trader_id]
        if trader.is_deleted:
            session.accounts.pop(number, None)
        elif trader.access_rights == AccessRights.NO_LOGIN:
            session.accounts.pop(number, None)
            self._push(link, pb.ProtoOAAccountDisconnectEvent(ctidTraderAccountId=number), event.trader_id)

    def _push(self, link: Link, message: Message, trader_id: int, *, is_answer: bool = False) -> None:
        number = number_of(message)
        name = name_of(number)
        names = (str(number), name, name.removesuffix("Event"))
        link.push(number, message.SerializeToString(), names=names, trader_id=trader_id, is_answer=is_answer)

    def disconnect_app(self, client_id: str, reason: str) -> None:
        """End an application's every session."""
        for link in list(self.links):
            session: Session = link.state
            if session.client_id == client_id:
                self._push(link, pb.ProtoOAClientDisconnectEvent(reason=reason), 0)
                link.close()

    def push_spots(self) -> None:
        """Send the quotes that have moved to those who subscribed, as their group sees them."""
        for link in list(self.links):
            session: Session = link.state
            for key, known in list(session.spots.items()):
                if key[0] in session.accounts:
                    session.spots[key] = self._push_spot(link, session, key, known)

    def _push_spot(
        self, link: Link, session: Session, key: tuple[int, int], known: tuple[int, int] | None
    ) -> tuple[int, int]:
        account, symbol = self._plant.links[key[0]], self._plant.symbols[key[1]]
        trader = self._plant.traders[account.trader_id]
        prices = [price_for(self._plant, trader, symbol, side).client for side in (TradeSide.SELL, TradeSide.BUY)]
        bid, ask = (int(price * _SPOT_SCALE) for price in prices)
        if known == (bid, ask):
            return known
        spot = pb.ProtoOASpotEvent(ctidTraderAccountId=key[0], symbolId=key[1])
        if known is None or known[0] != bid:
            spot.bid = bid
        if known is None or known[1] != ask:
            spot.ask = ask
        if key in session.timed:
            spot.timestamp = self._plant.now_ms()
        self._push(link, spot, trader.trader_id)
        return bid, ask


def _answer(message: Message) -> Answer:
    return Answer(number_of(message), message.SerializeToString())
