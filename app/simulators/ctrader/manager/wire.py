"""Accounts and catalogues as the Manager API writes them."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from app.simulators.ctrader.catalogue import Asset, Symbol
from app.simulators.ctrader.config import CommissionProfile, GroupConfig
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.records import Trader

_M = TypeVar("_M", bound=Message)


def trader_message(trader: Trader) -> pb.ProtoTrader:
    """An account. Its password never leaves the platform."""
    message = pb.ProtoTrader(
        traderId=trader.trader_id,
        login=trader.login,
        groupId=trader.group_id,
        balance=trader.balance,
        accountType=trader.account_type,
        registrationTimestamp=trader.registered_at,
        online=trader.is_online,
        utcLastUpdateTimestamp=trader.updated_at,
        deleted=trader.is_deleted,
        balanceVersion=trader.balance_version,
        introducingBroker=trader.is_introducing_broker,
        managerBonus=trader.manager_bonus,
        ibBonus=trader.ib_bonus,
        accessRights=trader.access_rights,
        sendOwnStatement=trader.sends_own_statement,
        depositAssetId=trader.deposit_asset_id,
        swapFree=trader.is_swap_free,
        nonWithdrawableBonus=trader.nonwithdrawable_bonus,
        leverageInCents=trader.leverage_cents,
        totalMarginCalculationType=trader.margin_calculation,
        brokerName=trader.broker_name,
        version=trader.version,
        disablePasswordLogin=trader.is_password_login_disabled,
        isLimitedRisk=trader.is_limited_risk,
        moneyDigits=trader.money_digits,
        sendStatementToBroker=trader.sends_statement_to_broker,
    )
    set_given(
        message,
        name=trader.name,
        lastName=trader.last_name,
        email=trader.email,
        phone=trader.phone,
        countryId=trader.country_id,
        state=trader.state,
        city=trader.city,
        address=trader.address,
        zipCode=trader.zip_code,
        documentId=trader.document_id,
        description=trader.description,
        status=trader.status,
        comment=trader.comment,
        lastConnectTimestamp=trader.connected_at,
        parentIntroducingBrokerId=trader.parent_broker_id,
        subAccountOf=trader.sub_account_of,
        maxLeverage=trader.max_leverage,
    )
    return message


def trader_fields(message: pb.ProtoTrader) -> dict[str, object]:
    """What a request gives of an account: only fields that are present."""
    names = {
        "groupId": "group_id",
        "accountType": "account_type",
        "accessRights": "access_rights",
        "leverageInCents": "leverage_cents",
        "maxLeverage": "max_leverage",
        "totalMarginCalculationType": "margin_calculation",
        "swapFree": "is_swap_free",
        "isLimitedRisk": "is_limited_risk",
        "disablePasswordLogin": "is_password_login_disabled",
        "name": "name",
        "lastName": "last_name",
        "email": "email",
        "phone": "phone",
        "countryId": "country_id",
        "state": "state",
        "city": "city",
        "address": "address",
        "zipCode": "zip_code",
        "documentId": "document_id",
        "description": "description",
        "status": "status",
        "comment": "comment",
        "sendOwnStatement": "sends_own_statement",
        "sendStatementToBroker": "sends_statement_to_broker",
        "introducingBroker": "is_introducing_broker",
        "parentIntroducingBrokerId": "parent_broker_id",
        "subAccountOf": "sub_account_of",
        "depositAssetId": "deposit_asset_id",
        "brokerName": "broker_name",
        "passwordHash": "password_hash",
    }
    return {name: getattr(message, wire) for wire, name in names.items() if message.HasField(wire)}  # type: ignore[arg-type]


def light_trader_message(trader: Trader) -> pb.ProtoManagerLightTrader:
    message = pb.ProtoManagerLightTrader(
        traderId=trader.trader_id,
        login=trader.login,
        groupId=trader.group_id,
        depositAssetId=trader.deposit_asset_id,
        registrationTimestamp=trader.registered_at,
        brokerName=trader.broker_name,
    )
    return set_given(
        message,
        name=trader.name,
        lastName=trader.last_name,
        subAccountOf=trader.sub_account_of,
        strategyProviderName=trader.strategy_provider_name,
        strategyProviderId=trader.strategy_provider_id,
    )


def light_group_message(group: GroupConfig, *, has_access: bool) -> pb.ProtoLightGroup:
    return pb.ProtoLightGroup(
        groupId=group.id,
        name=group.name,
        enabled=group.is_enabled,
        swapEnabled=group.is_swap_enabled,
        marginStopout=float(group.stop_out_share),
        description=group.description,
        priceStreamId=1,
        deleted=False,
        hasAccess=has_access,
        copyDisabled=group.is_copy_disabled,
        copyProvidingDisabled=group.is_copy_disabled,
        negativeBalanceProtection=group.has_negative_balance_protection,
    )


def group_message(group: GroupConfig, *, has_access: bool, updated_at: int) -> pb.ProtoGroup:
    return pb.ProtoGroup(
        groupId=group.id,
        name=group.name,
        enabled=group.is_enabled,
        swapEnabled=group.is_swap_enabled,
        marginStopout=float(group.stop_out_share),
        description=group.description,
        utcLastUpdateTimestamp=updated_at,
        priceStreamId=1,
        deleted=False,
        hasAccess=has_access,
        copyDisabled=group.is_copy_disabled,
        copyProvidingDisabled=group.is_copy_disabled,
        negativeBalanceProtection=group.has_negative_balance_protection,
    )


def asset_message(asset: Asset) -> pb.ProtoAsset:
    return pb.ProtoAsset(
        assetId=asset.id,
        name=asset.name,
        description=asset.description,
        type=asset.type,
        depositAsset=asset.is_deposit,
        depositable=asset.is_deposit,
        displayName=asset.name,
        digits=asset.digits,
    )


def symbol_message(symbol: Symbol) -> pb.ProtoManagerSymbol:
    return pb.ProtoManagerSymbol(
        symbolId=symbol.id,
        name=symbol.name,
        digits=symbol.digits,
        pipPosition=symbol.pip_position,
        enabled=True,
        description=symbol.description,
        measurementUnits=symbol.base.name,
        lotSize=symbol.lot_size,
        enableShortSelling=True,
        symbolCategoryId=symbol.category,
        baseAssetId=symbol.base.id,
        quoteAssetId=symbol.quote.id,
        tradingMode=0,
        defaultSwapTime=0,
        defaultSwapPeriod=24,
    )


def profile_message(profile: CommissionProfile) -> pb.ProtoCommissionProfile:
    return pb.ProtoCommissionProfile(
        commissionProfileId=profile.id,
        name=profile.name,
        commissionType=profile.type,
        minCommissionType=1,
        minCommissionAssetId=1,
        preciseTradingCommissionRate=profile.rate,
        preciseMinCommission=profile.minimum,
    )


def set_given(message: _M, **values: object) -> _M:
    """Set the fields that have a value; empty ones stay off the wire."""
    for name, value in values.items():
        if value:
            setattr(message, name, value)
    return message
