"""The browser of the tests starts and reaches this machine's pages, and nothing else."""

from playwright.sync_api import Page


def test_an_unknown_host_is_a_plain_404_that_names_nobody(page: Page, site_port: int) -> None:
    answer = page.goto(f"http://nobody.localhost:{site_port}/sign-in")

    assert answer is not None
    assert answer.status == 404
    assert page.inner_text("body").strip() == "Not found"
