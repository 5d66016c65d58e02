import { clean } from '../host/log.ts';

/**
 * The one place where text from an element, a guest, a mirror or a cloud becomes part of a page, a summary
 * or an XML file. Everything is cleaned of control characters first, then escaped for the language it
 * goes into.
 */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For element content and quoted attributes of HTML; one line out. */
export function escapeHtml(text: string): string {
  return entities(wellFormed(clean(text)));
}

/** Like escapeHtml, but the line breaks stay: for `<pre>`. */
export function escapeHtmlLines(text: string): string {
  return text.split('\n').map(escapeHtml).join('\n');
}

/** For element content and quoted attributes of XML 1.0, without the characters it forbids; one line out. */
export function escapeXml(text: string): string {
  return escapeHtml(text);
}

/** For running text and table cells of GitHub's Markdown: no markup, link, mention or HTML survives; one line out. */
export function escapeMarkdown(text: string): string {
  return wellFormed(clean(text))
    .trim()
    .replace(/[\\`*_{}[\]()#!|~$]/g, '\\$&')
    .replace(/[&<>@]/g, numeric)
    .replace(/:(?=\/\/)|(?<=\bwww)\./gi, numeric)
    .replace(/^[-+=]|^(?<digits>\d+)\.(?=\s|$)/, match => match.slice(0, -1) + numeric(match.slice(-1)));
}

/** Markup made by `html`: the only thing it lets through unescaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

export type HtmlValue = Html | string | number | undefined | false | readonly HtmlValue[];

/** Tagged template: every value is escaped unless it is Html itself; lists are joined, absent values are empty. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts.map((part, index) => part + render(values[index])).join(''));
}

/** The content of a `<pre>`: escaped, line breaks kept. */
export function htmlLines(text: string): Html {
  return new Html(escapeHtmlLines(text));
}

/** The address in its normal form when it is an absolute http or https one without a password; else undefined. */
export function webLink(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  const harmless = ['http:', 'https:'].includes(url.protocol) && url.username === '' && url.password === '';
  return harmless ? url.href : undefined;
}

function render(value: HtmlValue): string {
  if (value instanceof Html) return value.text;
  if (value === undefined || value === false) return '';
  if (typeof value === 'object') return value.map(render).join('');
  return escapeHtml(String(value));
}

function entities(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character] ?? '');
}

function numeric(character: string): string {
  return `&#${character.charCodeAt(0)};`;
}

/** Without lone surrogates and the two code points that neither XML nor UTF-8 files may hold. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}|[\uFFFE\uFFFF]/gu, '\uFFFD');
}
