"""Trading as the factory sees it."""

from __future__ import annotations

from app.core.features import Feature, MenuEntry
from app.kit.text import _l
from app.trading import panels, permissions, subscribers
from app.trading.adoption import views as adoption
from app.trading.bulk import views as bulk
from app.trading.bundle import SECTION
from app.trading.golive import views as golive
from app.trading.link_tests import views as link_tests
from app.trading.money import views as money
from app.trading.queries.platforms import waiting_for_a_person
from app.trading.statements import views as statements
from app.trading.sync_health import views as sync_health
from app.trading.views import cabinet, cabinet_accounts, office, office_accounts

FEATURE = Feature(
    name="trading",
    label=_l("Trading"),
    blueprints={
        "cabinet": (
            cabinet.bp,
            cabinet_accounts.bp,
            statements.cabinet,
        ),
        "office": (
            office.bp,
            money.bp,
            office_accounts.bp,
            link_tests.bp,
            statements.office,
            adoption.bp,
            bulk.bp,
            golive.bp,
            sync_health.bp,
        ),
    },
    menu=(
        MenuEntry(
            "cabinet", _l("Accounts"), "trading_cabinet.accounts", "chart-line", 20, permissions.ACCOUNT_OWN, phone=True
        ),
        MenuEntry(
            "office",
            _l("Trading accounts"),
            "trading_bulk.account_list",
            "chart-line",
            25,
            permissions.ACCOUNT_READ,
        ),
        MenuEntry(
            "office",
            _l("Platforms"),
            "trading_office.platform_list",
            "server",
            40,
            permissions.PLATFORM_READ,
        ),
        MenuEntry(
            "office",
            _l("Needs a person"),
            "trading_money.waiting",
            "user-question",
            41,
            permissions.MATTER_READ,
            badge=waiting_for_a_person,
        ),
    ),
    panels=panels.PANELS,
    permissions=permissions.PERMISSIONS,
    functions=permissions.FUNCTIONS,
    subscribers=subscribers.SUBSCRIBERS,
    bundle=SECTION,
    jobs=("app.trading.adoption.jobs", "app.trading.bulk.jobs", "app.trading.sync_health.jobs"),
)
