"""A stand-in for the vendor's Windows package of this name, put first on the path in tests.

Names, parameters and manners are the real package's, as far as the bridge uses them: nothing raises, failure is False
or None, handlers run on another thread and their records die when they return. What happens comes from the MT5
simulator's control port, so this view and the Web API's agree: `Connect("127.0.0.1:<control port>", ...)`.
"""

from ._enums import EnMTAPIRetcode
from ._errors import LastError
from ._manager import ManagerAPI
from ._records import MTAccount, MTConGroup, MTConManager, MTDeal, MTOrder, MTPosition, MTUser

__all__ = [
    "EnMTAPIRetcode",
    "LastError",
    "MTAccount",
    "MTConGroup",
    "MTConManager",
    "MTDeal",
    "MTOrder",
    "MTPosition",
    "MTUser",
    "ManagerAPI",
]
