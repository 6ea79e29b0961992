const bold = /^(?:bold(?:er)?|[6-9]00)$/;
const light = /^(?:normal|lighter|[1-5]00)$/;

/** "font-weight: 700; color: red" as names and values, in small letters. */
function declarations(style: string): ReadonlyMap<string, string> {
  return new Map(
    style.split(";").map((part) => {
      const colon = part.indexOf(":");
      return [part.slice(0, colon).trim().toLowerCase(), part.slice(colon + 1).trim().toLowerCase()] as const;
    }),
  );
}

/** Puts the children of an element into a new one inside of it. */
function wrapInside(element: Element, tag: string): void {
  const inner = element.ownerDocument.createElement(tag);
  inner.append(...element.childNodes);
  element.append(inner);
}

function unwrap(element: Element): void {
  element.replaceWith(...element.childNodes);
}

/** What a style says about the words, as the elements that say the same. */
function applyStyle(element: Element, style: ReadonlyMap<string, string>): void {
  const weight = style.get("font-weight") ?? "";
  const slant = style.get("font-style") ?? "";
  const line = `${style.get("text-decoration") ?? ""} ${style.get("text-decoration-line") ?? ""}`;
  const name = element.localName;
  if (name === "span" || name === "font" || name === "a") {
    if (bold.test(weight)) wrapInside(element, "strong");
    if (/italic|oblique/.test(slant)) wrapInside(element, "em");
    if (line.includes("line-through")) wrapInside(element, "s");
  }
  // Google Docs wraps all that it copies in a <b> that is not bold.
  const plainBold = (name === "b" || name === "strong") && light.test(weight);
  const plainItalic = (name === "i" || name === "em") && slant === "normal";
  if (plainBold || plainItalic) unwrap(element);
}

/** One item of a list as Word writes it: a paragraph with the sign of the item in it. */
interface WordItem {
  readonly paragraph: Element;
  /** Word's name of the list that it is an item of. */
  readonly name: string;
  readonly level: number;
  readonly ordered: boolean;
}

function readWordItem(paragraph: Element, styleOf: (element: Element) => string): WordItem | null {
  const [, name, level] = /mso-list:\s*(\S+)[^;]*\blevel(\d)/i.exec(styleOf(paragraph)) ?? [];
  if (name === undefined || level === undefined) return null;
  const sign = [...paragraph.querySelectorAll("*")].find((each) => /mso-list:\s*ignore/i.test(styleOf(each)));
  const ordered = /^\s*\(?\w{1,4}[.)]/.test(sign?.textContent ?? "");
  sign?.remove();
  return { paragraph, name, level: Number(level), ordered };
}

/** Turns Word's paragraphs with signs into lists, in place. */
function joinWordLists(root: Document, styleOf: (element: Element) => string): void {
  const open: { readonly name: string; readonly level: number; readonly list: Element }[] = [];
  let last: Element | null = null;
  for (const paragraph of root.querySelectorAll("p")) {
    const item = readWordItem(paragraph, styleOf);
    if (item === null) continue;
    const follows = last !== null && paragraph.previousElementSibling === last;
    if (!follows) open.length = 0;
    // A list of another name on the same level begins anew: numbers may follow on bullets.
    const ended = (other: { readonly name: string; readonly level: number }) =>
      other.level > item.level || (other.level === item.level && other.name !== item.name);
    for (let inner = open.at(-1); inner && ended(inner); inner = open.at(-1)) open.pop();
    let list = open.at(-1)?.level === item.level ? open.at(-1)?.list : undefined;
    if (list === undefined) {
      list = root.createElement(item.ordered ? "ol" : "ul");
      const outer = open.at(-1)?.list.lastElementChild;
      if (outer) outer.append(list);
      else {
        paragraph.before(list);
        last = list;
      }
      open.push({ name: item.name, level: item.level, list });
    }
    const entry = list.appendChild(root.createElement("li"));
    entry.append(paragraph);
  }
}

const blocks = new Set("blockquote div dl h1 h2 h3 h4 h5 h6 hr ol p pre table ul".split(" "));

/** The element on one side of a node, if nothing but space lies between. */
function besides(node: Node, side: "previousSibling" | "nextSibling"): Element | null {
  let other = node[side];
  while (other !== null && !(other instanceof Element) && (other.textContent ?? "").trim() === "") other = other[side];
  return other instanceof Element ? other : null;
}

/** Takes out the line breaks between blocks, as Google Docs writes them: each would become a line of its own. */
function dropBreaksBetweenBlocks(root: Document): void {
  for (const line of root.querySelectorAll("br")) {
    const sides = [besides(line, "previousSibling"), besides(line, "nextSibling")];
    if (sides.some((side) => side !== null && blocks.has(side.localName))) line.remove();
  }
}

const kept = "data-pasted-style";

/**
 * Makes pasted HTML say by elements what it says by styles. The page's policy takes style attributes from whatever
 * is parsed in it, so that the editor's own rules for them never see any; here they are read as plain text.
 */
export function readPastedStyles(html: string): string {
  if (!/\sstyle\s*=/i.test(html)) return html;
  const renamed = html.replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/\sstyle\s*=/gi, ` ${kept}=`));
  const parsed = new DOMParser().parseFromString(renamed, "text/html");
  const styleOf = (element: Element) => element.getAttribute(kept) ?? "";
  dropBreaksBetweenBlocks(parsed);
  joinWordLists(parsed, styleOf);
  for (const element of parsed.body.querySelectorAll(`[${kept}]`)) {
    const style = declarations(styleOf(element));
    element.removeAttribute(kept);
    applyStyle(element, style);
  }
  return parsed.body.innerHTML;
}
