"""Accounts: listing them, signing in to them, leaving them, refreshing the consent."""

from __future__ import annotations

from app.simulators.ctrader.enums import AccessRights
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.openapi import wire
from app.simulators.ctrader.openapi.requests import Call, request
from app.simulators.ctrader.proto import sim_openapi_pb2 as pb


@request(pb.ProtoOAVersionReq)
def version(call: Call, _: pb.ProtoOAVersionReq) -> pb.ProtoOAVersionRes:
    return pb.ProtoOAVersionRes(version=call.plant.config.version)


@request(pb.ProtoOAGetAccountListByAccessTokenReq)
def account_list(
    call: Call, asked: pb.ProtoOAGetAccountListByAccessTokenReq
) -> pb.ProtoOAGetAccountListByAccessTokenRes:
    token = call.tokens.require(asked.accessToken)
    links = [call.plant.links[number] for number in call.tokens.accounts(token)]
    links = [link for link in links if not call.plant.traders[link.trader_id].is_deleted]
    return pb.ProtoOAGetAccountListByAccessTokenRes(
        accessToken=asked.accessToken,
        permissionScope=token.scope,
        ctidTraderAccount=[wire.account_message(call.plant, link) for link in links],
    )


@request(pb.ProtoOAGetCtidProfileByTokenReq)
def profile(call: Call, asked: pb.ProtoOAGetCtidProfileByTokenReq) -> pb.ProtoOAGetCtidProfileByTokenRes:
    token = call.tokens.require(asked.accessToken)
    return pb.ProtoOAGetCtidProfileByTokenRes(profile=pb.ProtoOACtidProfile(userId=token.user_id))


@request(pb.ProtoOAAccountAuthReq)
def account_auth(call: Call, asked: pb.ProtoOAAccountAuthReq) -> pb.ProtoOAAccountAuthRes:
    """Sign in to one account of the token's user."""
    token, number = call.tokens.require(asked.accessToken), asked.ctidTraderAccountId
    if number in call.session.accounts:
        raise Refusal("ALREADY_LOGGED_IN", "Trading account is already authorized")
    if number not in call.tokens.accounts(token):
        raise Refusal("CH_CTID_TRADER_ACCOUNT_NOT_FOUND", "Trading account is not found")
    trader = call.plant.traders[call.plant.links[number].trader_id]
    if trader.is_deleted or trader.access_rights == AccessRights.NO_LOGIN:
        raise Refusal("RET_ACCOUNT_DISABLED", "Trading account is disabled")
    call.session.accounts[number] = token
    return pb.ProtoOAAccountAuthRes(ctidTraderAccountId=number)


@request(pb.ProtoOAAccountLogoutReq)
def account_logout(call: Call, asked: pb.ProtoOAAccountLogoutReq) -> pb.ProtoOAAccountLogoutRes:
    call.account(asked.ctidTraderAccountId)
    del call.session.accounts[asked.ctidTraderAccountId]
    return pb.ProtoOAAccountLogoutRes(ctidTraderAccountId=asked.ctidTraderAccountId)


@request(pb.ProtoOARefreshTokenReq)
def refresh(call: Call, asked: pb.ProtoOARefreshTokenReq) -> pb.ProtoOARefreshTokenRes:
    token = call.tokens.refresh(asked.refreshToken)
    return pb.ProtoOARefreshTokenRes(
        accessToken=token.access,
        tokenType="bearer",
        expiresIn=call.plant.config.token_seconds,
        refreshToken=token.refresh,
    )
