"""Pages that use every macro and layout, in two languages, for the checks of this floor and for looking at it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask, render_template, request
from flask_wtf.csrf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader
from jinja2_fragments.flask import render_block
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    FileField,
    Form,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    validators,
)
from wtforms.fields.choices import SelectChoice

from app.kit.money import Money
from app.ui.branding import Branding
from app.ui.setup import init_ui

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
BRANDS = {
    "aurora": Branding("#4338ca", "#0d9488", "#1e1b4b", 10, "inter"),
    "najm": Branding("#8a6d1f", "#0f766e", "#fbf7ec", 6, "inter"),
    "plain": Branding(),
}
PAGES = ("dashboard", "queue", "record", "forms", "sign_in", "parts")
NOW = datetime(2026, 11, 24, 14, 2, 11, tzinfo=UTC)

ARABIC = {
    "Home": "الرئيسية",
    "Accounts": "الحسابات",
    "Deposit": "إيداع",
    "History": "السجل",
    "Withdraw": "سحب",
    "Transfer": "تحويل",
    "Partners": "الشركاء",
    "Clients": "العملاء",
    "Withdrawals": "عمليات السحب",
    "Settlement": "التسوية",
    "Audit log": "سجل التدقيق",
    "Good afternoon, Layla": "مساء الخير يا ليلى",
    "Total equity": "إجمالي حقوق الملكية",
    "Free margin": "الهامش المتاح",
    "Open profit": "الربح المفتوح",
    "Margin level": "مستوى الهامش",
    "Wallets": "المحافظ",
    "Recent activity": "النشاط الأخير",
    "Oldest first": "الأقدم أولاً",
    "Client": "العميل",
    "Amount": "المبلغ",
    "Method": "الطريقة",
    "Status": "الحالة",
    "Requested": "وقت الطلب",
    "Pending": "قيد الانتظار",
    "Approved": "تمت الموافقة",
    "Rejected": "مرفوض",
    "Approve": "موافقة",
    "Reject": "رفض",
    "Bank wire": "حوالة بنكية",
    "Sign in": "تسجيل الدخول",
    "E-mail": "البريد الإلكتروني",
    "Password": "كلمة المرور",
    "Money": "المال",
    "Work": "العمل",
}


CABINET_MENU = (
    ("Home", "home", "", 0),
    ("Accounts", "chart-line", "", 0),
    ("Deposit", "transfer-in", "Money", 0),
    ("Withdraw", "transfer-out", "Money", 0),
    ("Transfer", "arrows-left-right", "Money", 0),
    ("History", "history", "Money", 0),
    ("Partners", "network", "", 2),
)
OFFICE_MENU = (
    ("Home", "layout-dashboard", "", 0),
    ("Clients", "users", "Work", 0),
    ("Withdrawals", "cash", "Work", 7),
    ("Partners", "sitemap", "Work", 0),
    ("Settlement", "scale", "Money", 0),
    ("Audit log", "shield-check", "Money", 0),
)
PEOPLE = {
    "en": ["Layla Kareem", "Mona S.", "Jürgen Weiß", "Aigerim Nurlanova", "O'Brien & Sons"],
    "ar": ["ليلى كريم", "منى س.", "خالد المنصوري", "Aigerim Nurlanova", "سارة عبد الله"],
}


class SampleForm(Form):
    """One field of every kind, two of them in error."""

    email = EmailField("E-mail", [validators.DataRequired()])
    password = PasswordField("Password", [validators.DataRequired()])
    name = StringField("Full name", description="As it stands in your passport.")
    country = SelectField(
        "Country",
        choices=[
            SelectChoice(value="de", label="Germany"),
            SelectChoice(value="ae", label="United Arab Emirates"),
            SelectChoice(value="kz", label="Kazakhstan"),
        ],
    )
    born_on = DateField("Date of birth", [validators.Optional()])
    amount = StringField("Amount")
    phone = StringField("Phone")
    kind = RadioField(
        "Account type",
        choices=[
            SelectChoice(value="standard", label="Standard"),
            SelectChoice(value="raw", label="Raw spread"),
            SelectChoice(value="swap", label="Swap-free"),
        ],
    )
    terms = BooleanField("I accept the client agreement.")
    news = BooleanField("Send me product news.")
    note = TextAreaField("Note")
    proof = FileField("Proof of payment")
    code = StringField("Code from your app")


def create_gallery() -> Flask:
    """A plain Flask application with this floor and nothing else; `?lang=ar&theme=dark&brand=najm` choose its look."""
    app = Flask("gallery", static_folder=None)
    app.secret_key = "gallery"
    app.jinja_loader = ChoiceLoader([FileSystemLoader(Path(__file__).parent / "templates")])

    def brand() -> tuple[str, Branding]:
        slug = request.args.get("brand", "aurora")
        return slug, BRANDS[slug]

    init_ui(app, select_locale=lambda: request.args.get("lang", "en"), current_brand=brand, brand_of=BRANDS.get)
    CSRFProtect(app)

    @app.context_processor
    def frame() -> dict[str, Any]:
        return _frame(request.args.get("lang", "en"), request.args.get("theme", "light"))

    @app.get("/<page>")
    def show(page: str) -> str | tuple[str, int]:
        assert page in PAGES
        block = request.headers.get("HX-Target", "").rpartition("#")[2]
        if block == "seen":
            return str(render_block(f"gallery/{page}.html", block, f=_form(page), **SAMPLES))
        if block:
            return "", 204  # A sample that asks for itself anew, such as the card of a running job, stays as it is.
        return render_template(f"gallery/{page}.html", f=_form(page), **SAMPLES)

    @app.after_request
    def strict(response: Any) -> Any:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return app


def _form(page: str) -> SampleForm:
    form = SampleForm(data={"kind": "raw", "amount": "250.00", "name": "Layla K."})
    if page == "forms":
        form.validate()
    return form


def _frame(locale: str, theme: str) -> dict[str, Any]:
    def t(text: str) -> str:
        return ARABIC.get(text, text) if locale == "ar" else text

    office = request.path in ("/queue", "/record")
    entries = OFFICE_MENU if office else CABINET_MENU
    active = "Withdrawals" if request.path == "/queue" else "Clients" if request.path == "/record" else "Home"
    return {
        "t": t,
        "tenant": {"name": "Aurora Markets", "short_name": "Aurora", "is_sandbox": True, "claim": "Trade what moves."},
        "actor": {"name": PEOPLE[locale][0]},
        "theme": theme,
        "languages": [
            {"code": code, "name": name, "url": f"?lang={code}", "active": code == locale}
            for code, name in (("en", "English"), ("ar", "العربية"))
        ],
        "nav": [
            {
                "label": t(label),
                "url": f"#{label.lower()}",
                "icon": icon,
                "active": label == active,
                "badge": badge,
                "group": t(group) if group else "",
            }
            for label, icon, group, badge in entries
        ],
        "user_menu": [{"label": "Profile and security", "url": "#profile", "icon": "user"}],
        "sign_out_url": "/sign_out",
        "search_url": "/queue" if office else None,
        "live_channels": request.args.get("live", ""),
        "people": PEOPLE[locale],
    }


class _Status:
    def __init__(self, label: str, tone: str) -> None:
        self.label, self.tone = label, tone


SAMPLES: dict[str, Any] = {
    "now": NOW,
    "earlier": NOW - timedelta(hours=3, minutes=12),
    "today": date(2026, 11, 24),
    "equity": Money(Decimal("24863.12"), "USD"),
    "loss": Money(Decimal("-1204.30"), "USD"),
    "gain": Money(Decimal("318.77"), "EUR"),
    "coin": Money(Decimal("0.05120000"), "BTC"),
    "curve": [Decimal(v) for v in (210, 214, 209, 220, 231, 229, 240, 238, 251, 262, 258, 270)],
    "days": [1793577600 + 86400 * i for i in range(30)],
    "balances": [round(21000 + 130 * i + (i * 7919 % 900), 2) for i in range(30)],
    "statuses": [_Status("Pending", "warning"), _Status("Approved", "success"), _Status("Rejected", "danger")],
}
