"""The page in Chromium: what it answers, what it refuses, how fast it is, and that nothing leaves it."""

import pytest

from dmn_cli.data.stories import Question, Story
from dmn_cli.splits import Split
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training.predictions import predict
from tests.page.tools import HOSTILE, dmn_in, hostile_stories, needs

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TRAINED = ["--set", "data.source=generated", "--set", "data.questions=300", "--set", "train.epochs=3", "--quiet"]


@pytest.fixture(scope="module")
def chromium():
    path = needs("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run of the paper's task 2, and one of a user's own hostile stories, with their pages."""
    folder = tmp_path_factory.mktemp("browser")
    dmn_in(folder, "train", "--config", "task2.yaml", *TRAINED, "--run-dir", "run")
    (folder / "train.txt").write_text(hostile_stories(40))
    config = "data: {source: files, train: train.txt, test: train.txt}\nmodel: {hidden_size: 8, embedding_size: 8}\n"
    (folder / "own.yaml").write_text(config + "train: {epochs: 1, supervision: weak}\n")
    dmn_in(folder, "train", "--config", "own.yaml", "--run-dir", "own", "--quiet")
    dmn_in(folder, "view", "run")
    dmn_in(folder, "view", "own")
    return folder


@pytest.fixture
def visit(chromium, place):
    """Open the page of a run; what its console says, or what it asks the network for, is an error."""
    heard, pages = [], []

    def open_page(name, **options):
        page = chromium.new_page(**{"viewport": {"width": 1200, "height": 900}, **options})
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("dialog", lambda dialog: heard.append(dialog.message))
        page.on("request", lambda request: heard.append(request.url))
        page.goto((place / name / "report.html").as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        assert page.evaluate("window.hacked") is None
        page.close()
    assert [said for said in heard if not said.startswith(("data:", place.as_uri()))] == []


def answer(page):
    return page.locator("#answer .first").text_content()


def settle(page):
    """Wait until what was typed has been answered."""
    while page.evaluate("playground.pending"):  # wait_for_function would eval in the page, which its policy forbids
        page.wait_for_timeout(20)


STORY = ["Mary got the milk there.", "Mary went to the garden.", "John went to the office.", "Mary left the milk."]


def test_typing_changes_the_answer_as_in_pytorch(visit, place):
    page = visit("run")
    checkpoint = checkpoints.load(place / "run" / "checkpoints" / "best.pt")
    seen = set()
    for place_of_mary in ("garden", "kitchen", "bedroom"):
        story = [line.replace("garden", place_of_mary) for line in STORY]
        page.fill("#story", "\n".join(story))
        page.fill("#question", "Where is the milk?")
        settle(page)
        asked = Story(tuple(story), (Question("Where is the milk?", "", len(story)),))
        [expected] = predict(checkpoint, Split({2: [asked]}, {}))
        assert answer(page) == expected.answer
        titles = [span.get_attribute("title") for span in page.locator("#gates tbody td span").all()]
        gates = [float(title) for title in titles]
        theirs = [gate for row in zip(*expected.gates, strict=True) for gate in row]
        assert gates == pytest.approx(theirs, abs=2e-4)  # shown with four digits
        seen.add(tuple(gates))
    assert len(seen) == 3


def test_samples_unknown_words_and_hints(visit):
    page = visit("run")
    settle(page)
    first = page.input_value("#story")
    assert page.locator("#answer .truth").count() == 1
    assert page.locator("#gates .star").count() >= 1
    page.click("#another")
    assert page.input_value("#story") != first
    page.press("#question", "End")
    page.keyboard.type(" zebra")
    settle(page)
    assert "Never seen in training: zebra." in page.text_content("#warning")
    assert page.locator("#answer .truth").count() == 0
    page.fill("#story", "Mary saw a zebra.\n\n3 Where is Mary?\n4 Mary went to the office.")
    settle(page)
    assert page.locator("#marks mark").all_text_contents() == ["saw", "a", "zebra."]
    # the blank line and the question are no facts, so they have no gates
    rows = [row.locator("span[title]").count() > 0 for row in page.locator("#gates tbody tr").all()]
    assert rows == [True, False, False, True, True]
    page.click("#clear")
    settle(page)
    assert "Write a story" in page.text_content("#warning")
    assert page.locator("#answer .first").count() == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_story_stays_text(visit, text):
    page = visit("run")
    page.fill("#story", f"{text}\nMary went to the garden.")
    page.fill("#question", f"Where is {text}?")
    settle(page)
    assert answer(page)
    name = page.locator("#gates tbody tr th").first.text_content()
    assert name == page.input_value("#story").split("\n")[0]


def test_five_thousand_facts(visit):
    page = visit("run")
    story = "\n".join(f"Mary went to the {('garden', 'office')[n % 2]}." for n in range(5000))
    page.focus("#story")
    page.keyboard.press("Control+A")
    paste = """(text) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData("text/plain", text);
        document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData, cancelable: true }));
    }"""
    page.evaluate(paste, story)
    assert page.input_value("#story") == story
    page.fill("#question", "Where is Mary?")
    settle(page)
    assert answer(page)
    assert page.locator("#gates tbody tr").count() < 200  # only those in sight
    page.evaluate("document.getElementById('editor').scrollTop = 1e9")
    page.wait_for_timeout(100)
    last = page.locator("#gates tbody tr th .hidden").all_text_contents()
    assert last[-2:] == ["Mary went to the office.", "(end of passes)"]


def test_hostile_stories_of_a_run_and_its_mistakes(visit):
    page = visit("own")
    assert page.locator("#list button").count() > 0
    for button in page.locator("#list button").all()[:9]:
        button.click()
        assert "Mary" in page.text_content("#mistake table")
    for option in range(12):
        page.click("#another")
        assert "went to the garden" in page.input_value("#story"), option
    assert page.evaluate("getComputedStyle(document.body).display") == "block"


def test_mistakes_by_mouse_and_by_key(visit):
    page = visit("run")
    everything = page.locator("#list button").count()
    assert everything > 5
    button = page.locator(".filter[data-grouping]").first
    count = int(button.locator("xpath=ancestor::tr/td[2]").text_content())
    button.click()
    assert page.locator("#list button").count() == count
    page.click("#all")
    assert page.locator("#list button").count() == everything
    page.locator("#list button").first.focus()
    page.keyboard.press("ArrowDown")
    second = page.locator("#list button").nth(1)
    assert second.get_attribute("aria-current") == "true"
    question = page.text_content("#mistake h3")
    page.click("#mistake button")
    settle(page)
    assert page.input_value("#question") == question
    # what the page computes is what PyTorch did, of which the mistake tells
    assert answer(page) == page.locator("#mistake .wrong").text_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_is_wider_than_the_screen(visit, width, scheme):
    page = visit("run", viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 200) == (scheme == "dark")


def test_every_control_has_a_name(visit):
    page = visit("run")
    names = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, textarea, img")].map((element) =>
            (element.labels?.[0]?.textContent || element.alt || element.textContent || "").trim())"""
    )
    assert all(names)
    assert page.locator("main section[aria-labelledby]").count() == page.locator("main section").count()
