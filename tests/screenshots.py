"""Draws docs/screenshots from a demo made for it: `.venv/bin/python tests/screenshots.py [NAME …]`."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from console_demo import ARGUMENTS, CALLER, CHROMIUM, PASSWORD, USER, Demo  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402
from receiving import Receiving  # noqa: E402
from test_recorder import until  # noqa: E402

OUT = ROOT / "docs" / "screenshots"
DESK = {"width": 1200, "height": 760}
SHORT = {"width": 1200, "height": 600}
PHONE = {"width": 390, "height": 844}
LARGEST = 150_000


def main(names: list[str], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        demo = Demo(Path(directory), history_hours=48)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        try:
            demo.provider.control.fax(CALLER, demo.fax)
            demo.provider.control.sms(CALLER, demo.voice, "Thank you, that is all for today.")
            demo.service.flask("doctor", check=False)
            shots = [
                ("overview", "/", DESK, "light"),
                ("overview-phone", "/", PHONE, "light"),
                ("events", "/events", SHORT, "light"),
                ("events-phone", "/events", PHONE, "dark"),
                ("event", "EVENT", DESK, "light"),
                ("call", "/calls/S20481", DESK, "light"),
                ("conversation", f"/conversations/{demo.voice}/{CALLER}", DESK, "light"),
                ("quarantine", "/quarantine", SHORT, "light"),
                ("target", "/targets/Ledger", DESK, "light"),
                ("targets-phone", "/targets", PHONE, "dark"),
                ("attention", "ATTENTION", DESK, "dark"),
            ]
            if not names or any(name.startswith("target") for name in names):
                deliver(demo)
            for name, path, size, theme in shots:
                if names and name not in names:
                    continue
                context = browser.new_context(
                    viewport=size, color_scheme=theme, timezone_id="Asia/Singapore", base_url=demo.url
                )
                page = context.new_page()
                sign_in(page)
                show(page, demo, path)
                page.wait_for_timeout(400)
                page.screenshot(path=out / f"{name}.png", full_page=False)
                weight = (out / f"{name}.png").stat().st_size
                print(f"{name}.png {weight // 1000} kB{' TOO LARGE' if weight > LARGEST else ''}")  # noqa: T201
                context.close()
        finally:
            browser.close()
            demo.close()


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("/")


def deliver(demo: Demo) -> None:
    """Three targets: one works, one has just begun to fail, one is paused."""
    with Receiving() as there, Receiving(lambda _: (503, {}, b"busy, try later")) as busy:
        targets = [("Shop", there, "kind:sms"), ("Ledger", busy, ""), ("Night porter", there, "state:missed")]
        for name, server, search in targets:
            given = ("--url", server.url, "--search", search)
            demo.service.flask("targets", "add", "webhook", name, *given)
        demo.service.flask("targets", "pause", "Night porter")
        for number in range(7):
            demo.provider.control.sms(CALLER, demo.voice, f"Order {4711 + number}, please")
        there.wait_for(7)
        until(lambda: "failing since" in demo.service.flask("targets", "show", "Ledger").stdout)


def show(page: Page, demo: Demo, path: str) -> None:
    if path == "EVENT":
        page.goto("/events?q=stamp")
        page.locator("#rows a").first.click()
    elif path == "ATTENTION":
        demo.point_elsewhere()
        page.goto("/")
    else:
        page.goto(path)


if __name__ == "__main__":
    given = sys.argv[1:]
    directory = OUT
    if given and given[0].startswith("--to="):
        directory = Path(given.pop(0).removeprefix("--to="))
    main(given, directory)
