"""The people of a demonstration and how they sign in. Their password is public; they live in sandboxes alone."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "harbour-lantern-42"  # noqa: S105  # Printed on the demo's screen; refused outside a sandbox.


@dataclass(frozen=True, slots=True)
class Person:
    """One demo sign-in of a brand."""

    audience: str
    login: str
    name: str
    roles: tuple[str, ...]

    def email(self, slug: str) -> str:
        return f"{self.login}@{slug}.example"


NAMES = {
    "aurora": ("Clara Winter", "Jonas Albrecht", "Lucía Ortega"),
    "najm": ("ليلى الكعبي", "يوسف الهاشمي", "سلمى ناصر"),
    "silkroad": ("Айгуль Серикова", "Тимур Ахметов", "Дина Рахимова"),
}


def country_of(slug: str) -> str:
    """Where a brand's demo clients live, as an ISO 3166 code."""
    return {"aurora": "DE", "najm": "AE", "silkroad": "KZ"}.get(slug, "DE")


def people_of(slug: str) -> list[Person]:
    """The demo people of a brand: a trader, a partner, and one of each office role (two in finance)."""
    admin, partner, trader = NAMES.get(slug, ("Ada Brook", "Ben Carter", "Cora Dale"))
    return [
        Person("office", "admin", admin, ("admin",)),
        Person("office", "finance", "Fiona Hale", ("finance",)),
        Person("office", "finance2", "Marco Reyes", ("finance",)),
        Person("office", "compliance", "Ines Novak", ("compliance",)),
        Person("office", "dealing", "Peter Lund", ("dealing",)),
        Person("office", "partners", "Sara Blum", ("partner_desk",)),
        Person("office", "support", "Noah Kim", ("support",)),
        Person("partner", "partner", partner, ("trader",)),
        Person("cabinet", "trader", trader, ("trader",)),
    ]


OPERATOR = Person("operator", "operator", "Olivia Marsh", ("operator",))

_GIVEN = {
    "najm": (
        ("أحمد", "سارة", "خالد", "نورة", "عمر", "هدى", "سعيد", "مريم", "راشد", "عائشة", "طارق", "لمى"),
        ("المنصوري", "الزعابي", "الشامسي", "الغامدي", "القحطاني", "العتيبي", "البلوشي", "الحمادي", "المطيري"),
    ),
    "silkroad": (
        ("Айдар", "Мадина", "Руслан", "Камила", "Данияр", "Асель", "Бахтияр", "Нигора", "Сергей", "Ольга", "Ержан"),
        ("Ибраев", "Садыков", "Юсупов", "Каримов", "Нурланов", "Жумабаев", "Рахмонов", "Омаров", "Ким"),
    ),
}
_GIVEN_ELSEWHERE = (
    ("Anna", "Lukas", "María", "Felix", "Sofía", "Paul", "Greta", "Hugo", "Carmen", "Emil", "Lena", "Mateo"),
    ("Brandt", "Keller", "Navarro", "Sommer", "Vidal", "Huber", "Castro", "Lorenz", "Peters", "Romero", "Fuchs"),
)


def given_names(slug: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(first names, last names) of a brand's made-up clients."""
    return _GIVEN.get(slug, _GIVEN_ELSEWHERE)
