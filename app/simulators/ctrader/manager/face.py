"""Sign-in, dispatch and push of the Manager API."""

from __future__ import annotations

from hmac import compare_digest

from google.protobuf.message import DecodeError, Message

import app.simulators.ctrader.manager.lists
import app.simulators.ctrader.manager.money
import app.simulators.ctrader.manager.traders
import app.simulators.ctrader.manager.trading  # noqa: F401  # They register the requests.
from app.simulators.ctrader.accounts import password_digest
from app.simulators.ctrader.config import ManagerConfig
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.link import Answer, Context, Link, parsed
from app.simulators.ctrader.manager import trade_wire, wire
from app.simulators.ctrader.manager.requests import NAMES, REQUESTS, Call, Session, number_of
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.state import Event, Plant

_HELLO, _AUTH, _PING = 990, 301, 52
_SPOT = number_of(pb.ProtoSpotEvent)
_SPOT_SCALE = 100_000


class ManagerFace:
    """One environment's Manager API."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self.links: set[Link] = set()

    def connected(self, link: Link) -> None:
        link.state = Session()
        self.links.add(link)
        link.send(_HELLO, b"")

    def disconnected(self, link: Link) -> None:
        self.links.discard(link)

    def describe(self, link: Link, number: int, payload: bytes, message_id: str | None) -> Context:
        """Name a request for faults, and say which account it concerns."""
        name = NAMES.get(number, "")
        context = Context(number, (str(number), name, name.removesuffix("Req")), payload, message_id)
        registered = REQUESTS.get(number)
        if registered is not None:
            try:
                message = registered.message.FromString(payload)
            except DecodeError:
                return context
            owner = getattr(message, "traderId", None) or getattr(getattr(message, "trader", None), "traderId", None)
            context.trader_id = owner if isinstance(owner, int) else None
        return context

    def act(self, link: Link, context: Context) -> list[Answer]:
        """Carry a request out."""
        session: Session = link.state
        with self._plant.clock.hold():
            if context.number == _PING:
                ping = parsed(pb.ProtoPingReq, context.payload)
                return [_answer(pb.ProtoPingRes(timestamp=ping.timestamp))]
            if context.number == _AUTH:
                return [self._sign_in(session, parsed(pb.ProtoManagerAuthReq, context.payload))]
            manager = self._plant.managers.get(session.manager_login)
            if manager is None:
                raise Refusal("CANT_ROUTE_REQUEST", "Not authenticated")
            registered = REQUESTS.get(context.number)
            if registered is None:
                raise Refusal("UNSUPPORTED_MESSAGE", f"Message {context.number} is not supported")
            missing = [permission for permission in registered.permissions if permission not in manager.permissions]
            if missing:
                raise Refusal("NOT_ENOUGH_RIGHTS", f"ROLE_{missing[0].name} is missing")
            call = Call(self._plant, link, session, manager)
            answer = registered.handler(call, parsed(registered.message, context.payload))
        return [] if answer is None else [_answer(answer)]

    def refuse(self, link: Link, context: Context, refusal: Refusal, maintenance_end_ms: int) -> Answer:
        """An error answer."""
        message = pb.ProtoErrorRes(errorCode=refusal.code)
        if refusal.description:
            message.description = refusal.description
        if maintenance_end_ms:
            message.maintenanceEndTimestamp = maintenance_end_ms
        return _answer(message)

    def _sign_in(self, session: Session, asked: pb.ProtoManagerAuthReq) -> Answer:
        config = self._plant.config
        if session.manager_login:
            raise Refusal("ALREADY_LOGGED_IN", "Already authenticated")
        if (asked.plantId, asked.environmentName) != (config.plant, config.environment):
            raise Refusal("CANT_ROUTE_REQUEST", f"No environment {asked.environmentName} of {asked.plantId}")
        manager = self._plant.managers.get(asked.login)
        if manager is None or not compare_digest(password_digest(manager.password), asked.passwordHash):
            raise Refusal(self._plant.switches.auth_error, "Login or password is wrong")
        session.manager_login = manager.login
        last = max((trader.updated_at for trader in self._plant.traders.values()), default=self._plant.now_ms())
        return _answer(pb.ProtoManagerAuthRes(permission=manager.permissions, utcLastUpdateTimestamp=last))

    def managers(self) -> list[tuple[Link, Session, ManagerConfig]]:
        """Connections that are signed in."""
        found = []
        for link in list(self.links):
            session: Session = link.state
            manager = self._plant.managers.get(session.manager_login)
            if manager is not None:
                found.append((link, session, manager))
        return found

    def __call__(self, event: Event) -> None:
        """Push an event to every manager who may see its account."""
        if not self.links or not self._plant.switches.is_push_on:
            return
        answers: list[Answer] | None = None
        for link, session, manager in self.managers():
            if not self._may_see(manager, event):
                continue
            if answers is None:
                answers = self._render(event)
            for answer in answers:
                if self._wants(session, answer.number):
                    link.push(
                        answer.number,
                        answer.payload,
                        names=(str(answer.number), NAMES[answer.number], NAMES[answer.number].removesuffix("Event")),
                        trader_id=event.trader_id,
                        is_answer=event.order is not None,
                    )

    def _may_see(self, manager: ManagerConfig, event: Event) -> bool:
        if event.kind == "permission_lost":
            return bool(event.values["manager_login"] == manager.login)
        if event.kind == "group":
            return self._plant.sees_group(manager, event.group_id)
        return self._plant.sees(manager, self._plant.traders[event.trader_id])

    def _wants(self, session: Session, number: int) -> bool:
        if session.subscribed:
            return number in session.subscribed
        return not self._plant.switches.needs_subscription

    def _render(self, event: Event) -> list[Answer]:
        plant = self._plant
        if event.kind == "execution":
            return [_answer(trade_wire.execution_message(plant, event))]
        if event.kind == "trader":
            trader = wire.trader_message(plant.traders[event.trader_id])
            return [_answer(pb.ProtoTraderChangedEvent(trader=trader, operation=event.operation))]
        if event.kind == "margin" and event.position is not None:
            return [_answer(trade_wire.margin_message(plant, event.position))]
        if event.kind == "group":
            group = wire.group_message(plant.groups[event.group_id], has_access=True, updated_at=plant.now_ms())
            return [_answer(pb.ProtoGroupChangedEvent(group=group, operation=event.operation))]
        if event.kind == "logon":
            return [_answer(_logon_message(event))]
        if event.kind == "logout":
            values = event.values
            left = pb.ProtoTraderLogoutEvent(
                sessionId=values["session"], traderId=event.trader_id, isOnline=values["is_online"]
            )
            return [_answer(left)]
        if event.kind == "permission_lost":
            return [_answer(pb.ProtoTraderPermissionLoseEvent(traderId=event.trader_id))]
        return []

    def push_spots(self) -> None:
        """Send the quotes that have moved to those who subscribed."""
        for link, session, _ in self.managers():
            for number, has_time in list(session.symbols.items()):
                quote = self._plant.prices.quote(self._plant.symbols[number], self._plant.now())
                sides = int(quote.bid * _SPOT_SCALE), int(quote.ask * _SPOT_SCALE)
                known = session.spots.get(number)
                if known == sides:
                    continue
                spot = pb.ProtoSpotEvent(symbolId=number)
                if known is None or known[0] != sides[0]:
                    spot.bid = sides[0]
                if known is None or known[1] != sides[1]:
                    spot.ask = sides[1]
                if has_time:
                    spot.timestamp = self._plant.now_ms()
                session.spots[number] = sides
                link.push(
                    _SPOT, spot.SerializeToString(), names=(str(_SPOT), "SpotEvent"), trader_id=0, is_answer=False
                )


def _logon_message(event: Event) -> pb.ProtoTraderLogonEvent:
    values = event.values
    session = pb.ProtoTraderSessionInfo(
        sessionId=values["session"], traderId=event.trader_id, proxyId=values.get("proxy", "proxy-1")
    )
    if values.get("country"):
        session.geoInfo.countryIsoCode = values["country"]
    if values.get("city"):
        session.geoInfo.cityName = values["city"]
    if values.get("application"):
        session.applicationType = values["application"]
    return pb.ProtoTraderLogonEvent(tradeSessionInfo=session)


def _answer(message: Message) -> Answer:
    return Answer(number_of(message), message.SerializeToString())
