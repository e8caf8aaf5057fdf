"""The page in a real browser, without a network: it draws, sorts, explains and can be read.

At the width of a laptop and of a phone, light and dark, by mouse and by keyboard.
"""

import shutil
from itertools import pairwise

import pytest

from eie_backend.report import page

pytestmark = pytest.mark.interop
api = pytest.importorskip("playwright.sync_api", reason="needs the extra `interop`")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
PATIENCE_MS = 600_000
"""How long a test waits for the browser before it fails."""

READY = """() => {
  const undrawn = [...document.querySelectorAll('.plot:not(:has(.main-svg))')];
  undrawn[0]?.scrollIntoView();
  return !undrawn.length && document.querySelector('#layers-table.dataTable');
}"""
"""Figures are drawn when they come near."""

IN_SCHEME = """() => getComputedStyle(document.querySelector('#cycles-figure .ytick text')).fill
  === getComputedStyle(document.body).color"""
"""Figures follow a change of the scheme a moment later."""

NUMBER = "one => [...document.querySelectorAll('*')].indexOf(one)"
"""Tells elements apart."""

WHITE = "rgb(255, 255, 255)"
TEXTS = (
    "p",
    "dt",
    "dd strong",
    "dd span",
    "figcaption",
    "summary",
    "th",
    "td",
    "#layers-table a",
    ".line",
    ".xtick text",
    ".ytick text",
    ".legendtext",
)

CONTRAST = """element => {
  const numbers = color => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map(v => v / 255)
    .map(v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const { color, fill } = getComputedStyle(element);
  let behind = element, back = [0, 0, 0, 0];
  while (behind && back.length === 4 && back[3] === 0) {
    back = numbers(getComputedStyle(behind).backgroundColor);
    behind = behind.parentElement;
  }
  const text = element instanceof SVGElement ? fill : color;
  const [a, b] = [light(numbers(text)), light(back)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""
"""WCAG 2's contrast of an element's text and what is behind it."""


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def open_page(browser, tmp_path_factory):
    """Return a function that opens a report, and fails at its end if the page complained."""
    folder, complaints = tmp_path_factory.mktemp("pages"), []

    def open_it(text, width=1280, scheme="light"):
        path = folder / f"{hash(text)}.html"
        path.write_text(text, "utf-8")
        size = {"width": width, "height": 900}
        opened = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        opened.set_default_timeout(PATIENCE_MS)
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "blob:", "data:"))
                or complaints.append(request.url)
            ),
        )
        opened.goto(path.as_uri())
        opened.wait_for_function(READY)
        assert complaints == []
        return opened

    yield open_it
    assert complaints == []


@pytest.fixture(scope="module")
def text(report, labels, comparison):
    return page(report, labels=labels, comparison=comparison)


@pytest.fixture(scope="module")
def shown(open_page, text):
    return open_page(text)


@pytest.fixture
def top(shown):
    """Return the page as it is when one begins to read it."""
    shown.evaluate("location.hash = ''; scrollTo(0, 0); document.body.tabIndex = -1")
    shown.evaluate("document.body.focus(); document.body.removeAttribute('tabindex')")
    return shown


def column(shown, number):
    cells = f"#layers-table tbody tr > :nth-child({number})"
    return [
        cell.removesuffix("%").replace(",", "") for cell in shown.locator(cells).all_inner_texts()
    ]


def test_every_figure_has_marks(shown):
    for figure in shown.locator("figure").all():
        assert figure.locator(".main-svg path, .main-svg image").count() > 0, figure


@pytest.mark.parametrize("how", ["click", "Enter"])
def test_a_column_sorts_as_numbers(top, how):
    names = column(top, 1)
    header = top.locator("#layers-table thead th").nth(2)
    button = header.get_by_role("button")
    for order, sign in (("descending", -1), ("ascending", 1)):
        if how == "click":
            header.click()
        else:
            button.press("Enter")
        top.locator(f"#layers-table th[aria-sort='{order}']").wait_for()
        cycles = [sign * float(cell) for cell in column(top, 3)]
        assert cycles == sorted(cycles)
        assert len(set(cycles)) > 1
    assert sorted(column(top, 1)) == sorted(names)
    assert top.locator("#layers-table tfoot").inner_text().startswith("all layers")


def test_a_tooltip_appears_over_a_bar(top):
    bar = top.locator("#cycles-figure .bars .point path").first
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    top.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tooltip = top.locator("#cycles-figure .hoverlayer .hovertext")
    tooltip.wait_for()
    assert "cycles" in tooltip.text_content()


def test_another_layer_is_drawn_by_keyboard(top, report):
    select = top.locator("#pes-figure select")
    top.locator("#pes-figure summary").click()
    table = top.locator("#pes-figure details table")
    before = table.inner_text()
    select.focus()
    top.keyboard.press("ArrowDown")
    assert select.input_value() == "1"
    assert table.inner_text() != before
    assert table.locator("tbody tr").count() == report.config.num_pe


def test_every_figure_has_its_numbers(top):
    for figure in top.locator("figure").all():
        figure.locator("details").evaluate("details => { details.open = true }")
        figure.locator("details td").first.wait_for()


def test_instruction_and_layer_lead_to_each_other(top):
    top.locator("#layers-table tbody th a", has_text="fc2").click()
    line = top.locator(".line:target")
    assert '"fc2"' in line.inner_text()
    assert line.evaluate("line => line.getBoundingClientRect().top") < 900
    line.locator("a").click()
    assert top.locator("tr:target th").inner_text() == "fc2"


def test_every_control_is_reached_by_tab(top):
    controls = top.locator("a[href], select, summary, [role='button'], button")
    wanted = controls.evaluate_all(f"all => all.filter(one => one.checkVisibility()).map({NUMBER})")
    reached = []
    while len(reached) < 1000:
        top.keyboard.press("Tab")
        if top.evaluate("document.activeElement === document.body"):
            break
        reached.append(top.evaluate(f"({NUMBER})(document.activeElement)"))
    assert set(wanted) <= set(reached)
    assert len(wanted) > 40


def test_skip_link(top):
    top.keyboard.press("Tab")
    focused = top.locator(":focus")
    assert focused.inner_text() == "Skip to the report"
    assert focused.bounding_box()["x"] >= 0
    top.keyboard.press("Enter")
    top.wait_for_function("document.activeElement.id === 'summary'")


def test_headings_are_in_order(shown):
    levels = [
        int(tag[1])
        for tag in shown.evaluate(
            "[...document.querySelectorAll('h1, h2, h3, h4')].map(one => one.tagName)"
        )
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_readable(top, width, scheme):
    top.set_viewport_size({"width": width, "height": 900})
    top.emulate_media(color_scheme=scheme)
    top.wait_for_function(IN_SCHEME)
    assert top.evaluate("document.documentElement.scrollWidth") == width
    for kind in TEXTS:
        assert top.locator(kind).first.evaluate(CONTRAST) >= 4.5, kind
    is_light = top.evaluate("getComputedStyle(document.body).backgroundColor") == WHITE
    assert is_light == (scheme == "light")


def test_hostile_names_do_nothing(open_page, hostile, labels):
    shown = open_page(page(hostile, labels=labels))
    shown.locator("#network-figure summary").click()
    shown.locator("#network-figure details td").first.wait_for()
    names = [layer.name for layer in hostile.layers]
    for name in names[:2]:
        assert name in shown.locator("#network-figure details").inner_text()
    assert shown.evaluate("window.hit") is None
    assert names[1][:8] in shown.locator("#cycles-figure .ytick").nth(1).text_content()
    shown.close()


@pytest.mark.nightly
def test_a_hundred_layers_open(open_page, large):
    shown = open_page(page(large), 390)
    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    assert shown.locator("#layers-table tbody tr").count() == 100
    shown.close()
