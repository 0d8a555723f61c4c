"""What a bundle is refused for: each with the line of the file and a sentence for the person who edits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.rates.bundle import SECTION as RATES
from app.tenancy.bundles.check import check_bundle
from app.tenancy.bundles.source import BundleUnreadable, positions, read_bundle
from tests.tenancy.bundles import GOOD, good_bundle, loyalty, problems_of, write_bundle

TEXT = GOOD.format(slug="brand")


def spoiled(folder: Path, old: str, new: str) -> tuple[Path, int]:
    """The good bundle with one passage replaced, and the line where the replacement begins."""
    assert TEXT.count(old) == 1, old
    return write_bundle(folder, text=TEXT.replace(old, new)), TEXT[: TEXT.index(old)].count("\n") + 1


def test_a_whole_bundle_is_in_order(tmp_path: Path) -> None:
    bundle = good_bundle(write_bundle(tmp_path))

    assert bundle.tenant.name == "Test Markets"
    assert bundle.tenant.weekend_numbers == {5, 6}
    assert bundle.secrets == ("LOYALTY_KEY",)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('name = "Test Markets"', 'nmae = "Test Markets"',
         "Nothing reads the key `nmae` in [tenant]. Did you mean `name`?"),
        ("[loyalty]", "[loyality]", "Nothing reads the table [loyality]. Did you mean `loyalty`?"),
        ("sandbox = true", 'sandbox = "yes"', "`tenant.sandbox` must be true or false, not a text in quotes."),
        ('offered = ["en", "ar"]', "offered = 3", "`languages.offered` must be a list, not a whole number."),
        ("share = 0.4 ", "share = 1.4 ",
         "`loyalty.levels[1].share` is 140 %: a share over 100 % is refused. 1 is the whole."),
        ("share = 0.4 ", "share = 40 ",
         "`loyalty.levels[1].share` is 4000 %: a share over 100 % is refused. 1 is the whole."),
        ("share = 0.4 ", "share = -0.1 ", "`loyalty.levels[1].share` is negative: a share is a number from 0 to 1."),
        ("share = 0.2 ", "share = 0.7 ", "The shares of all levels are over 100 %."),
        ("rate = 3.6725", "rate = true", "`rates.pegged[1].rate` must be a number, not true or false."),
        ('anchor = "USD"', 'anchor = "SAR"', "`SAR` has no published reference rate to be pegged to."),
        ('timezone = "Europe/Berlin"', 'timezone = "Europe/Atlantis"',
         "There is no time zone named `Europe/Atlantis`."),
        ('primary = "#2f5bd0"', 'primary = "blue"',
         "`blue` is no colour: write it as `#` and six small hexadecimal digits."),
        ('base = "USD"', 'base = "EUR"', "The base currency `EUR` is not among the wallet currencies."),
        ('wallets = ["USD", "AED"]', 'wallets = ["USD", "KZT"]',
         "`KZT` has no rate: the central bank does not publish it, and [rates] does not peg it."),
        ('slug = "brand"', 'slug = "other"', "The slug `other` is not the name of the folder, `brand`."),
        ('email = "help@test.example"', 'email = "help"', "`help` is no e-mail address."),
        ('key = "secret:LOYALTY_KEY"', 'key = "secret:loyalty key"',
         "`loyalty key` is no name of a secret: capital letters, digits and underscores."),
        ('key = "secret:LOYALTY_KEY"', "months = 13", "A year has twelve months."),
    ],
)  # fmt: skip
def test_a_spoiled_bundle_is_refused_at_its_line(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    place, line = spoiled(tmp_path, old, new)

    found = problems_of(place)

    assert (line, sentence) in [(problem.line, problem.sentence) for problem in found]
    assert all(problem.file.endswith("brand/tenant.toml") for problem in found)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = TEXT.replace("[tenant]", "[tenant]\ncolor = 1\nvolume = 2").replace("share = 0.4 ", "share = 4 ")

    found = problems_of(write_bundle(tmp_path, text=text + "\n[typo]\nx = 1\n"))

    assert [problem.line for problem in found] == sorted(problem.line for problem in found)
    assert {problem.sentence.split("`")[1] for problem in found if "Nothing reads the key" in problem.sentence} == {
        "color",
        "volume",
    }
    assert any("[typo]" in problem.sentence for problem in found)
    assert any("over 100 %" in problem.sentence for problem in found)


def test_a_value_under_a_free_key_is_found_at_its_own_line(tmp_path: Path) -> None:
    place, line = spoiled(
        tmp_path,
        'key = "secret:LOYALTY_KEY"',
        'limits = { gold = { name = "g", share = 0.1 }, iron = { name = 7, share = 0.1 } }',
    )

    (problem,) = problems_of(place)

    assert (problem.line, problem.sentence) == (
        line,
        "`loyalty.limits.iron.name` must be a text in quotes, not a whole number.",
    )


def test_a_missing_table_and_a_missing_key_are_refused(tmp_path: Path) -> None:
    text = TEXT.replace('[support]\nemail = "help@test.example"\n', "").replace('short_name = "Test"\n', "")

    sentences = {problem.sentence for problem in problems_of(write_bundle(tmp_path, text=text))}

    assert sentences == {"The table [support] is missing.", "The key `short_name` is missing in [tenant]."}


def test_a_secret_must_resolve_outside_a_sandbox(tmp_path: Path) -> None:
    place, _ = spoiled(tmp_path, "sandbox = true", "sandbox = false")
    line = TEXT[: TEXT.index("secret:")].count("\n") + 1

    assert [(problem.line, problem.sentence) for problem in problems_of(place)] == [
        (
            line,
            "The secret `LOYALTY_KEY` is not stored for this tenant, and KONTOR_SECRET_BRAND_LOYALTY_KEY is not set.",
        )
    ]
    assert problems_of(place, secrets_at_hand={"LOYALTY_KEY"}) == []


def test_another_tenants_host_is_refused_without_naming_more_than_its_slug(tmp_path: Path) -> None:
    found = problems_of(write_bundle(tmp_path), hosts_of_others={"office.brand.test.localhost": "rival"})

    assert [problem.sentence for problem in found] == [
        "The host name `office.brand.test.localhost` belongs to the tenant `rival`."
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("<svg viewBox='0 0 1 1'><script>1</script></svg>", "holds <script>; a logo is drawn from plain shapes."),
        ("<svg viewBox='0 0 1 1' onload='x()'/>", "holds the attribute `onload`; a logo is drawn from plain shapes."),
        ("<!DOCTYPE svg><svg viewBox='0 0 1 1'/>", "declares a document type, which a picture does not need."),
        ("<svg viewBox='0 0 1 1'><a href='https://x.example'/></svg>", "points outside itself."),
        ("<svg viewBox='0 0 1 1'><path fill='url(https://x)'/></svg>", "points outside itself."),
        ("<p>no picture</p>", "is no SVG with a viewBox."),
        ("<svg", "is no well-formed SVG."),
    ],
)
def test_a_picture_that_could_do_something_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    place = write_bundle(tmp_path)
    (place / "brand" / "logo-light.svg").write_text(content)

    assert [problem.sentence for problem in problems_of(place)] == [f"`brand/logo-light.svg` {sentence}"]


def test_a_missing_picture_is_refused(tmp_path: Path) -> None:
    place = write_bundle(tmp_path)
    (place / "brand" / "favicon.svg").unlink()

    assert [problem.sentence for problem in problems_of(place)] == ["The file `brand/favicon.svg` is missing."]


def test_text_that_is_no_toml_is_refused_at_its_line(tmp_path: Path) -> None:
    place = write_bundle(tmp_path, text='[tenant]\nslug = "brand"\nname = = 1\n')

    with pytest.raises(BundleUnreadable) as refusal:
        read_bundle(place)

    assert refusal.value.problem.line == 3
    assert refusal.value.problem.sentence.startswith("This is not valid TOML: ")


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleUnreadable) as refusal:
        read_bundle(tmp_path / "nobody")

    assert refusal.value.problem.sentence == "The bundle has no readable tenant.toml."


def test_lines_are_known_in_every_shape_of_toml() -> None:
    text = (
        '# c\na = 1\n[t]\n"x.y" = """\ntwo\n"" lines"""\nl = [\n  1, { m = "}", n.o = 2 },\n]\n'
        "[[p]]\n[[p.q]]\nr = 1\n[[p]]\nr = 1979-05-27 07:32:00\n"
    )

    lines = positions(text)

    assert lines[("a",)] == 2
    assert lines[("t", "x.y")] == 4
    assert lines[("t", "l")] == 7
    assert lines[("t", "l", 1, "n", "o")] == 8
    assert lines[("p", 0, "q", 0, "r")] == 12
    assert lines[("p", 1, "r")] == 14


def test_the_three_brands_that_ship_differ_and_are_in_order() -> None:
    from app.copytrading.bundle import SECTION as COPY_TRADING
    from app.payments.bundle import SECTION as PAYMENTS
    from app.trading.bundle import SECTION as TRADING

    bundles = {}
    for slug in ("aurora", "najm", "silkroad"):
        source = read_bundle(Path(__file__).parents[2] / "tenants" / slug)
        document = {key: value for key, value in source.document.items() if key != "partners"}
        bundle, problems = check_bundle(
            type(source)(source.folder, document, source.lines), [RATES, PAYMENTS, TRADING, COPY_TRADING, loyalty()]
        )
        assert problems == []
        assert bundle is not None
        bundles[slug] = bundle

    for said in (
        lambda b: b.tenant.timezone,
        lambda b: b.tables["languages"].offered[0],
        lambda b: b.tables["currencies"].wallets,
        lambda b: (b.tables["branding"].primary, b.tables["branding"].sidebar),
        lambda b: (b.tables["branding"].radius, b.tables["branding"].font),
        lambda b: tuple(kind.code for kind in b.tables["trading"].account_types),
    ):
        assert len({said(bundle) for bundle in bundles.values()}) == 3
    assert bundles["najm"].tenant.weekend_numbers == {4, 5}
