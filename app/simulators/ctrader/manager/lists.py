"""Server time, version, assets, symbols, groups, countries, commission profiles and quotes."""

from __future__ import annotations

from app.simulators.ctrader.catalogue import CATEGORIES, CLASSES, COUNTRIES
from app.simulators.ctrader.enums import Permission
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.manager import wire
from app.simulators.ctrader.manager.requests import Call, request
from app.simulators.ctrader.proto import sim_manager_pb2 as pb


@request(pb.ProtoServerTimeReq)
def server_time(call: Call, _: pb.ProtoServerTimeReq) -> pb.ProtoServerTimeRes:
    return pb.ProtoServerTimeRes(timeInMillis=call.plant.now_ms())


@request(pb.ProtoVersionReq)
def version(call: Call, _: pb.ProtoVersionReq) -> pb.ProtoVersionRes:
    return pb.ProtoVersionRes(version=call.plant.config.version)


@request(pb.ProtoUPv1EventSubscribeReq)
def subscribe(call: Call, asked: pb.ProtoUPv1EventSubscribeReq) -> pb.ProtoUPv1EventSubscribeRes:
    """Ask for kinds of events. Without this request all of them come."""
    call.session.subscribed = set(asked.subscriptionPayloadType)
    return pb.ProtoUPv1EventSubscribeRes()


@request(pb.ProtoAssetListReq)
def assets(call: Call, _: pb.ProtoAssetListReq) -> pb.ProtoAssetListRes:
    return pb.ProtoAssetListRes(asset=[wire.asset_message(asset) for asset in call.plant.assets.values()])


@request(pb.ProtoManagerSymbolListReq)
def symbols(call: Call, _: pb.ProtoManagerSymbolListReq) -> pb.ProtoManagerSymbolListRes:
    return pb.ProtoManagerSymbolListRes(symbol=[wire.symbol_message(item) for item in call.plant.symbols.values()])


@request(pb.ProtoSymbolCategoryListReq)
def categories(_: Call, __: pb.ProtoSymbolCategoryListReq) -> pb.ProtoSymbolCategoryListRes:
    return pb.ProtoSymbolCategoryListRes(
        categories=[
            pb.ProtoSymbolCategory(
                id=number,
                assetClassId=asset_class,
                name=name,
                color="#000000",
                sortingNumber=float(number),
                expanded=True,
                isDefault=number == 1,
            )
            for number, asset_class, name in CATEGORIES
        ]
    )


@request(pb.ProtoAssetClassListReq)
def asset_classes(_: Call, __: pb.ProtoAssetClassListReq) -> pb.ProtoAssetClassListRes:
    return pb.ProtoAssetClassListRes(
        assetClass=[pb.ProtoAssetClass(id=number, name=name, sortingNumber=float(number)) for number, name in CLASSES]
    )


@request(pb.ProtoLightGroupListReq, Permission.GROUP_READ)
def groups(call: Call, _: pb.ProtoLightGroupListReq) -> pb.ProtoLightGroupListRes:
    """All groups; `hasAccess` tells which of them this manager may use."""
    return pb.ProtoLightGroupListRes(
        lightGroup=[
            wire.light_group_message(group, has_access=call.plant.sees_group(call.manager, group.id))
            for group in call.plant.groups.values()
        ]
    )


@request(pb.ProtoGroupByIdReq, Permission.GROUP_READ)
def group(call: Call, asked: pb.ProtoGroupByIdReq) -> pb.ProtoGroupByIdRes:
    found = call.plant.groups.get(asked.groupId)
    if found is None:
        raise Refusal("TRADER_GROUP_NOT_FOUND", f"Group {asked.groupId} is not found")
    has_access = call.plant.sees_group(call.manager, found.id)
    return pb.ProtoGroupByIdRes(group=wire.group_message(found, has_access=has_access, updated_at=call.plant.now_ms()))


@request(pb.ProtoCountryListReq)
def countries(_: Call, __: pb.ProtoCountryListReq) -> pb.ProtoCountryListRes:
    return pb.ProtoCountryListRes(
        country=[pb.ProtoCountry(countryId=number, name=name, countryA2Code=code) for number, name, code in COUNTRIES]
    )


@request(pb.ProtoCommissionProfileListReq)
def profiles(call: Call, _: pb.ProtoCommissionProfileListReq) -> pb.ProtoCommissionProfileListRes:
    return pb.ProtoCommissionProfileListRes(
        commissionProfile=[wire.profile_message(profile) for profile in call.plant.profiles.values()]
    )


@request(pb.ProtoSubscribeSpotQuotesReq)
def subscribe_spots(call: Call, asked: pb.ProtoSubscribeSpotQuotesReq) -> pb.ProtoSubscribeSpotQuotesRes:
    for number in asked.symbolId:
        if number not in call.plant.symbols:
            raise Refusal("SYMBOL_NOT_FOUND", f"Symbol {number} is not found")
    for number in asked.symbolId:
        call.session.symbols[number] = asked.subscribeToSpotTimestamp
        call.session.spots.pop(number, None)
    return pb.ProtoSubscribeSpotQuotesRes()


@request(pb.ProtoUnsubscribeSpotQuotesReq)
def unsubscribe_spots(call: Call, asked: pb.ProtoUnsubscribeSpotQuotesReq) -> pb.ProtoUnsubscribeSpotQuotesRes:
    for number in asked.symbolId:
        if call.session.symbols.pop(number, None) is None:
            raise Refusal("NOT_SUBSCRIBED_TO_SPOTS", f"Symbol {number} is not subscribed to")
    return pb.ProtoUnsubscribeSpotQuotesRes()
