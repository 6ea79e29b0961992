import { Marked, type Token, type Tokens } from "marked";

/** Elements that may stand in Markdown as HTML. Any other, as in `Vec<String>`, is text. */
const knownTags = new Set(
  (
    "a b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre s samp " +
    "small span strike strong sub summary sup table tbody td tfoot th thead tr u ul var"
  ).split(" "),
);

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Boxes as the letters that they were: numbered items are no tasks here. */
function boxesAsText(tokens: readonly Token[]): Token[] {
  return tokens.map((token) => {
    if (token.type === "checkbox") return { type: "text", raw: token.raw, text: token.raw, escaped: false };
    const { tokens: inner } = token as { tokens?: Token[] };
    return inner === undefined ? token : { ...token, tokens: boxesAsText(inner) };
  });
}

const parser = new Marked({
  gfm: true,
  extensions: [
    {
      name: "highlight",
      level: "inline",
      start: (source) => source.indexOf("=="),
      tokenizer(source) {
        const [raw, text] = /^==(?=[^\s=])([^\n]*?[^\s=])==(?!=)/.exec(source) ?? [];
        if (raw === undefined || text === undefined) return undefined;
        return { type: "highlight", raw, tokens: this.lexer.inlineTokens(text) };
      },
      renderer(token) {
        return `<mark>${this.parser.parseInline(token.tokens ?? [])}</mark>`;
      },
    },
  ],
  tokenizer: {
    // One tilde means "about"; only two strike through.
    del: (source) => (source.startsWith("~~") ? false : undefined),
  },
  renderer: {
    heading({ tokens, depth }) {
      const name = `h${String(Math.min(depth, 4))}`;
      return `<${name}>${this.parser.parseInline(tokens)}</${name}>\n`;
    },
    code({ text, lang }) {
      const language = /^[\w+#.-]+/.exec(lang ?? "")?.[0];
      const named = language === undefined ? "" : ` class="language-${escapeText(language)}"`;
      return `<pre><code${named}>${escapeText(text)}</code></pre>\n`;
    },
    checkbox: () => "",
    list({ ordered, start, items }) {
      if (ordered) {
        const content = items.map((item) => `<li>${this.parser.parse(boxesAsText(item.tokens))}</li>`);
        return `<ol start="${String(start === "" ? 1 : start)}">${content.join("")}</ol>\n`;
      }
      let html = "";
      let open: boolean | null = null;
      for (const item of items) {
        if (item.task !== open) {
          html += open === null ? "" : "</ul>";
          html += item.task ? '<ul data-type="taskList">' : "<ul>";
          open = item.task;
        }
        const task = item.task ? ` data-type="taskItem" data-checked="${String(item.checked === true)}"` : "";
        html += `<li${task}>${this.parser.parse(item.tokens)}</li>`;
      }
      return `${html}</ul>\n`;
    },
    html({ text }: Tokens.HTML | Tokens.Tag) {
      const uncommented = text.replace(/<!--[\s\S]*?-->/g, "");
      return uncommented.replace(/<\/?([a-z][\w:-]*)[^>]*>?/gi, (tag, name: string) =>
        knownTags.has(name.toLowerCase()) ? tag : escapeText(tag),
      );
    },
  },
});

/** Markdown as HTML that the editor's own rules can read: task lists and code blocks as the editor writes them. */
export function markdownToHtml(text: string): string {
  return parser.parse(text.replace(/\r\n?/g, "\n"), { async: false });
}

const item = /^ {0,3}(?:[-*+]|\d{1,9}[.)])\s+\S/;
const task = /^ {0,3}[-*+]\s+\[[ xX]\]\s+\S/;
const heading = /^ {0,3}(#{1,6})\s+\S/;
const quote = /^ {0,3}>\s?\S/;
const divider = /^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const fence = /^ {0,3}(`{3,}|~{3,})/;
const tableRule = /^ {0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

function isBlank(line: string | undefined): boolean {
  return line === undefined || line.trim() === "";
}

/**
 * Does plain text look as if its writer meant Markdown? Only marks at the start of lines count, and only where prose
 * or a program would hardly have them: one item alone is no list, and a "# remark" right above code is no heading.
 */
export function looksLikeMarkdown(text: string): boolean {
  const lines = text.split(/\r\n?|\n/);
  let items = 0;
  for (const [at, line] of lines.entries()) {
    const before = lines[at - 1];
    const after = lines[at + 1];
    const begins = isBlank(before);
    const alone = begins && isBlank(after);
    const fenced = fence.exec(line)?.[1];
    if (fenced !== undefined && lines.slice(at + 1).some((other) => other.trim().startsWith(fenced))) return true;
    if (task.test(line)) return true;
    const signs = heading.exec(line)?.[1];
    if (signs !== undefined && (alone || (begins && (signs.length > 1 || item.test(after ?? ""))))) return true;
    if (begins && quote.test(line)) return true;
    if (alone && divider.test(line) && lines.length > 1) return true;
    if (line.includes("|") && after?.includes("|") === true && after.includes("-") && tableRule.test(after)) return true;
    // An item in the midst of a paragraph is a dash at the start of a line; the second one in a row is a list.
    if (item.test(line)) {
      items += 1;
      if (items > 1) return true;
    } else if (!isBlank(line) && !/^\s/.test(line)) {
      items = 0;
    }
  }
  return false;
}
