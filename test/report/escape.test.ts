import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  escapeHtml,
  escapeHtmlLines,
  escapeMarkdown,
  escapeXml,
  html,
  htmlLines,
  webLink,
} from '../../src/report/escape.ts';

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(...'<>&"\'`|*_[]()!#@:/\\\n\r\t\u001b\u202e\ud800$~ aw.1-+='.split('')),
  }),
);

describe('escapeHtml', () => {
  it('leaves no character that opens markup or ends an attribute', () => {
    fc.assert(
      fc.property(hostile, text => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"'\n\r\u202e]|\p{Cc}(?<!\t)/u);
        expect(escaped.replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
      }),
    );
  });

  it('keeps plain words as they are', () => {
    expect(escapeHtml('debian-12 passed in 3.5 s')).toBe('debian-12 passed in 3.5 s');
  });

  it('keeps the lines of a console log, each cleaned', () => {
    expect(escapeHtmlLines('a\u001b[31m<b>\r\nc')).toBe('a&lt;b&gt;\nc');
  });
});

describe('html', () => {
  it('escapes values, passes its own markup and joins lists', () => {
    const cells = ['<script>', 'b & c'].map(cell => html`<td>${cell}</td>`);
    expect(String(html`<tr title="${'"x"'}">${cells}${undefined}${false}${0}</tr>`)).toBe(
      '<tr title="&quot;x&quot;"><td>&lt;script&gt;</td><td>b &amp; c</td>0</tr>',
    );
  });

  it('takes several lines only where they are asked for', () => {
    expect(String(html`<pre>${htmlLines('a\n<b>')}</pre>`)).toBe('<pre>a\n&lt;b&gt;</pre>');
  });
});

describe('escapeXml', () => {
  it('gives only characters that XML 1.0 allows', () => {
    fc.assert(
      fc.property(hostile, text => {
        expect(escapeXml(text)).toMatch(/^[\t\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u);
      }),
    );
  });
});

describe('escapeMarkdown', () => {
  it('leaves no markup character unescaped, and stays on one line', () => {
    fc.assert(
      fc.property(hostile, text => {
        const escaped = escapeMarkdown(text);
        const rest = escaped.replace(/\\[\\`*_{}[\]()#!|~$]/g, '').replace(/&#\d+;/g, '');
        expect(rest).not.toMatch(/[\\`*_{}[\]()#!|~$<>&@\n\r]/);
        expect(escaped).not.toMatch(/^\s|^[-+=]/);
        expect(rest).not.toMatch(/:\/\/|www\./i);
      }),
    );
  });

  it.each([
    ['| a', '\\| a'],
    ['see https://example.org', 'see https&#58;//example.org'],
    ['www.example.org', 'www&#46;example.org'],
    ['@someone', '&#64;someone'],
    ['- item', '&#45; item'],
    ['1. item', '1&#46; item'],
    ['debian-12 20261121.1', 'debian-12 20261121.1'],
  ])('%s', (text, escaped) => {
    expect(escapeMarkdown(text)).toBe(escaped);
  });
});

describe('webLink', () => {
  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'host:1234',
    '//example.org',
    'https://user:secret@example.org/',
    'file:///etc/passwd',
    '',
  ])('is no link: %s', address => {
    expect(webLink(address)).toBeUndefined();
  });

  it('encodes what would end an attribute', () => {
    expect(webLink('https://example.org/a"b')).toBe('https://example.org/a%22b');
  });
});
