"""Cards line up as text and are safe as HTML."""

from antdask.query.cards import Card


def card(text="<b>"):
    return Card("archive", [("runs", "3")], ("stream", "#rows", "what"), [("events", "1,000", text), ("a", "7", "x")], ["archive.runs"])


def test_text_lines_up_with_numbers_to_the_right():
    assert card("y").text().splitlines() == [
        "archive",
        "  runs        3",
        "",
        "  stream   rows  what",
        "  events  1,000  y",
        "  a           7  x",
        "",
        "Next:",
        "  archive.runs",
    ]


def test_html_shows_the_same_and_escapes_it():
    html = card().html()
    assert "&lt;b&gt;" in html and "text-align:right'>1,000" in html and "<pre>archive.runs</pre>" in html


def test_a_card_without_rows_has_no_table():
    bare = Card("empty", [], ("stream",), [], ["x"])
    assert bare.text() == "empty\n\nNext:\n  x" and "<thead>" not in bare.html()
