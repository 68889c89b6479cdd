/** Text of HTML that is safe to be part of a page. Nobody but {@linkcode html} makes it. */
export class Markup {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** Takes text of ours for HTML as it stands. A stranger's text must never come here. */
  static ofOurs(text: string): Markup {
    return new Markup(text);
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template: text is escaped, markup is not, and nothing is nothing. */
export type Part = string | number | Markup | undefined | readonly Part[];

/**
 * HTML from a template. Every value but markup is escaped, for elements and quoted attributes alike:
 * attributes must stand in double quotes, and no value may stand in a script, a style or a URL's
 * scheme.
 */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let all = unindented(texts[0]!);
  for (const [at, part] of parts.entries()) all += print(part) + unindented(texts[at + 1]!);
  return Markup.ofOurs(all.trim());
}

/** The template's own blanks at the beginnings of lines: none is needed, and there would be thousands. */
function unindented(text: string): string {
  return text.replaceAll(/\n\s+/g, "\n");
}

function print(part: Part): string {
  if (part === undefined) return "";
  if (typeof part === "string") return escapeHtml(part);
  if (typeof part === "number" || part instanceof Markup) return String(part);
  return part.map(print).join("\n"); // words stay apart
}

const NAMED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** What ends or begins something in HTML; and what nobody sees: controls, directions, half characters. */
const SPECIAL = /[&<>"'`\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A text for HTML. What is invisible is shown by its number: it could make a name look like another. */
export function escapeHtml(text: string): string {
  return text.replaceAll(SPECIAL, (character) => {
    const named = NAMED[character];
    if (named !== undefined) return named;
    return character === "`"
      ? "&#96;"
      : `\\u{${character.codePointAt(0)!.toString(16).padStart(4, "0")}}`;
  });
}
