import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { looksLikeMarkdown, markdownToHtml } from "../../static/src/editor/markdown";

void describe("pasted text", () => {
  const meant: Readonly<Record<string, string>> = {
    "heading, list and words": "# Title\n\n- a\n- b\n\n**bold** text\n",
    "a heading alone": "## Title",
    "a heading right above its text": "## Title\nText.",
    "lines of another system": "# Title\r\n\r\nText.",
    "a bullet list": "* a\n* b",
    "a numbered list": "1. a\n2. b",
    "a loose list": "- a\n\n- b",
    "items of several lines": "- a\n  goes on\n- b",
    "one task": "- [ ] call",
    "a quote": "> said",
    "code": "Look:\n\n```js\nlet a;\n```",
    "a table": "| a | b |\n|---|---|\n| 1 | 2 |",
    "a divider": "One.\n\n---\n\nTwo.",
  };
  for (const [name, text] of Object.entries(meant)) {
    void test(`is Markdown: ${name}`, () => {
      assert.equal(looksLikeMarkdown(text), true);
    });
  }

  const prose: Readonly<Record<string, string>> = {
    "a hashtag": "#hashtag and #another",
    "a dash in the middle": "I came - late - and left.\nShe stayed.",
    "one line with a dash": "He said\n- nothing at all\nand went.",
    "two remarks in dashes": "- one\nwords\nmore words\n- two",
    "a number at the start": "1984. What a year.\nThen came the next.",
    "words with marks": "**bold** and `code` and [a](https://example.org)",
    "a remark above code": "# the answer\nanswer = 42",
    "a fence that is never closed": "```\nno end",
    "a pipe": "a | b\nc | d",
    "dashes alone": "-\n-",
    "negative numbers": "-5\n-6",
    "an empty text": "",
    "a signature": "Bye,\n-- \nAda",
  };
  for (const [name, text] of Object.entries(prose)) {
    void test(`is no Markdown: ${name}`, () => {
      assert.equal(looksLikeMarkdown(text), false);
    });
  }
});

void describe("Markdown as HTML", () => {
  const html = (text: string) => markdownToHtml(text).replace(/\n/g, "");

  void test("has the blocks of the editor", () => {
    assert.equal(
      html("# Title\n\n- a\n- b\n\n**bold** text\n"),
      "<h1>Title</h1><ul><li>a</li><li>b</li></ul><p><strong>bold</strong> text</p>",
    );
    assert.equal(html("###### Deep"), "<h4>Deep</h4>");
    assert.equal(html("3. a\n4. b"), '<ol start="3"><li>a</li><li>b</li></ol>');
  });

  void test("keeps code to the letter", () => {
    assert.equal(
      markdownToHtml("```c++ x\na < b\n\n  # no heading\n```"),
      '<pre><code class="language-c++">a &lt; b\n\n  # no heading</code></pre>\n',
    );
    assert.equal(html('```"><b\nx\n```'), "<pre><code>x</code></pre>");
  });

  void test("ticks tasks, apart from items that are none", () => {
    assert.equal(
      html("- a\n- [ ] b\n- [x] c"),
      '<ul><li>a</li></ul><ul data-type="taskList"><li data-type="taskItem" data-checked="false">b</li>' +
        '<li data-type="taskItem" data-checked="true">c</li></ul>',
    );
    assert.equal(html("1. [ ] a"), '<ol start="1"><li>[ ] a</li></ol>');
  });

  void test("knows marks, and takes no other signs for them", () => {
    assert.equal(html("==a== ~~b~~ *c* `d`"), "<p><mark>a</mark> <del>b</del> <em>c</em> <code>d</code></p>");
    assert.equal(html("a == b, c == d, ~5~ of 6"), "<p>a == b, c == d, ~5~ of 6</p>");
  });

  void test("takes only known elements for HTML", () => {
    assert.equal(html("Vec<String> and <b>x</b>"), "<p>Vec&lt;String&gt; and <b>x</b></p>");
    assert.equal(html("<script>ran()</script>"), "&lt;script&gt;ran()&lt;/script&gt;");
    assert.equal(html("a <!-- b --> c"), "<p>a  c</p>");
  });
});
