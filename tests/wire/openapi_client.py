"""An independent client in a process of its own: the public `ctrader-open-api` package, unchanged.

`python openapi_client.py <port> <client id> <secret> <account> <token>` prints one JSON line per message that it
receives and stops after `<execution events>` executions.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ctrader_open_api import Client, Protobuf, TcpProtocol
from ctrader_open_api.messages.OpenApiMessages_pb2 import (
    ProtoOAAccountAuthReq,
    ProtoOAApplicationAuthReq,
    ProtoOADealListReq,
    ProtoOAGetAccountListByAccessTokenReq,
    ProtoOAReconcileReq,
    ProtoOATraderReq,
)
from google.protobuf.json_format import MessageToDict
from twisted.internet import reactor

port, client_id, secret, account, token = sys.argv[1:6]
number = int(account)
steps = [
    ProtoOAApplicationAuthReq(clientId=client_id, clientSecret=secret),
    ProtoOAGetAccountListByAccessTokenReq(accessToken=token),
    ProtoOAAccountAuthReq(ctidTraderAccountId=number, accessToken=token),
    ProtoOATraderReq(ctidTraderAccountId=number),
    ProtoOAReconcileReq(ctidTraderAccountId=number),
    ProtoOADealListReq(ctidTraderAccountId=number, fromTimestamp=0, toTimestamp=2147483646000),
]


def tell(kind: str, content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"message": kind, "content": content}) + "\n")
    sys.stdout.flush()


def failed(failure: Any) -> None:
    tell("failure", {"text": str(failure.value)})


def connected(client: Client) -> None:
    for step in steps:
        client.send(step, responseTimeoutInSeconds=60).addErrback(failed)


def disconnected(_: Client, reason: Any) -> None:
    tell("disconnected", {"text": str(reason.value)})


def received(_: Client, envelope: Any) -> None:
    message = Protobuf.extract(envelope)
    tell(type(message).__name__, MessageToDict(message))


client = Client("127.0.0.1", int(port), TcpProtocol)
client.setConnectedCallback(connected)
client.setDisconnectedCallback(disconnected)
client.setMessageReceivedCallback(received)
client.startService()
reactor.run()
