"""Html becomes the text that a reader would see, tables with their columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.fleet.transcript.html_text import MAX_HTML, html_text
from tests.support import grows_linearly

FRAME = """
<style scoped>.dataframe tbody tr th { vertical-align: top; }</style>
<table border="1" class="dataframe">
  <thead><tr style="text-align: right;"><th></th><th>name</th><th>price</th></tr></thead>
  <tbody>
    <tr><th>0</th><td>tea</td><td>2.50</td></tr>
    <tr><th>10</th><td>coffee</td><td>NaN</td></tr>
  </tbody>
</table>
<p>2 rows &times; 2 columns</p>
"""


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a <b>bold</b> word", "a bold word"),
        ("  spaces \n and\tbreaks  ", "spaces and breaks"),
        ("&lt;x&gt; &amp; &eacute;", "<x> & é"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<div><div>deep</div></div>", "deep"),
        ("<h1>Title</h1>text", "Title\ntext"),
        ("<ul><li>a</li><li>b</li></ul>", "• a\n• b"),
        ("<pre>  x\n    y</pre>", "  x\n    y"),
        ("a<hr>b", "a\n───\nb"),
        ("<script>alert(1)</script>x<style>p {}</style>", "x"),
        ("<svg><svg></svg>no</svg>yes", "yes"),
        ("<title>no</title>yes", "yes"),
        ("<img alt='a cat' src='cat.png'>", "a cat"),
        ("<!-- <b>no</b> --> yes", "yes"),
        ("<!doctype html>yes<!-- and no end", "yes"),
        ("1 < 2 > 0", "1 < 2 > 0"),
        ("</p></table></pre>odd", "odd"),
        ("<table><tr><td>a<td>b<tr><td>cc<td>d</table>", "a   b\ncc  d"),
        ("<table><td>a", "a"),
        ("<table><tr><td>a<table><tr><td>in</table></td><td>b</table>", "a in  b"),
        ("<table></table>", ""),
        ("<![broken", "<![broken"),
    ],
)
def test_html_reads(html: str, text: str) -> None:
    assert html_text(html) == text


def test_a_data_frame_keeps_its_columns() -> None:
    assert html_text(FRAME).split("\n") == [
        "    name    price",
        " 0  tea      2.50",
        "10  coffee    NaN",
        "2 rows \u00d7 2 columns",
    ]


def test_of_a_long_page_the_beginning_is_read() -> None:
    read = html_text("x" * (MAX_HTML + 1_234))

    assert read == "x" * MAX_HTML + "\n… 1,234 more characters of html"


@given(st.text(alphabet="<>!/-?[]&;=\"' abtdr\n", max_size=60))
def test_no_html_breaks_the_reader(html: str) -> None:
    assert isinstance(html_text(html), str)


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        *(("", piece) for piece in ("<", "<!--", "</", "<td>", "<table>", "&", "<a b='", "a<b>")),
        *(("", piece) for piece in ("<script>", "<![CDATA[", "<pre>a\n", "<br>", "<li>")),
        ("<", "a"),
        ("<img ", "alt="),
        ("<img alt='", " "),
        ("<table><tr>", "<td>1"),
        ("<table><tr><td>", "a<b>"),
        ("<table><tr><td>", "1,1"),
    ],
)
def test_the_work_grows_with_the_page_and_no_faster(head: str, piece: str) -> None:
    assert grows_linearly(lambda size: html_text(head + piece * (size // len(piece))), 50_000)


def test_the_work_of_a_table_grows_with_its_cells_and_not_with_rows_times_columns() -> None:
    def read(size: int) -> None:
        html_text("<table><tr>" + "<td>" * (size // 8) + "<tr><td>" * (size // 16))

    assert grows_linearly(read, 50_000)


@pytest.mark.parametrize("page", [f"&#{'9' * 5_000};", f"<img alt='&#{'9' * 5_000};'>"])
def test_a_reference_to_a_character_of_thousands_of_digits_stays_as_it_is(page: str) -> None:
    assert html_text(page) == f"&#{'9' * 5_000};"
