import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { page } from '../../src/report/page.ts';
import { manifest, pageInput, report } from './fixture.ts';
import { mapStrings, skeleton } from './markup.ts';

const WORDS = new Set(['passed', 'failed', 'not-applicable', 'public', 'private', 'qcow2', 'raw']);

describe('the page', () => {
  it('is one file of balanced tags that loads nothing and runs nothing', () => {
    const text = page(pageInput());
    const tags = new Set(skeleton(text));
    for (const tag of ['script', 'img', 'link', 'iframe', 'form', 'svg']) expect(tags).not.toContain(tag);
    expect(text).not.toMatch(/url\(|@import|\ssrc=|\son[a-z]+=/);
    expect(text).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
  });

  it.each([
    ['the digests', 'a'.repeat(64)],
    ['the disk digest', 'd'.repeat(64)],
    ['the version', '20261121.1'],
    ['the number of packages', '<dt>Packages</dt><dd>231</dd>'],
    ['a check', 'debian logged in with the key of this run'],
    ['what a check protects', 'A customer who cannot log in has no machine.'],
    ['how to check a signature', 'gpg --verify SHA256SUMS.asc SHA256SUMS'],
    ['how to check sums', 'sha512sum --strict --check SHA512SUMS'],
    ['how to audit', 'hashdeep -l -a -v -k hashdeep.txt'],
    ['that the key is a test key', 'Signed with a local test key'],
    ['the job that built it', '<a href="https://example.org/actions/runs/7">'],
    ['the version before', '20261120.1, hidden now'],
    ['a file to fetch', '<a href="core/debian-12-20261121.1-amd64.qcow2">'],
  ])('shows %s', (_, text) => {
    expect(page(pageInput())).toContain(text);
  });

  it('says when it is neither tested, signed nor public', () => {
    const { signed: _, ...rest } = pageInput({ reports: [], promotions: [], consoles: [] });
    const text = page(rest);
    for (const words of ['Not tested yet', 'Not signed', 'nowhere yet']) expect(text).toContain(words);
    expect(text).not.toContain('How to check it yourself');
    skeleton(text);
  });

  it('says where it failed', () => {
    const text = page(pageInput({ reports: [report({ passed: false, place: 'directory:x' })] }));
    expect(text).toContain('Failed in directory:x');
    expect(text).not.toContain('All checks passed');
  });

  it('says of every boot when it was ready', () => {
    const otherBoots = [
      { name: 'uefi', bootSeconds: 71.2 },
      { name: 'drive', bootSeconds: 0 },
    ];
    const text = page(pageInput({ reports: [report({ otherBoots })] }));
    expect(text).toContain('ready after 62 s; uefi ready after 71 s; drive ready never.');
  });

  it('makes a link of a web address only', () => {
    const builder = { ...manifest.builder, run: 'javascript:alert(1)' };
    const text = page(pageInput({ manifest: { ...manifest, builder } }));
    expect(text).toContain('<dd>javascript:alert(1)</dd>');
    expect(text).not.toMatch(/href="(?!https?:|core\/)/);
  });

  it('leaves out the middle of a huge console', () => {
    const text = page(pageInput({ consoles: [{ place: 'qemu', text: 'x'.repeat(5_000_000) }] }));
    expect(text.length).toBeLessThan(400_000);
    expect(text).toContain('the middle is left out');
  });

  it('keeps its form whatever an element, a guest or a cloud wrote', () => {
    const plain = skeleton(page(pageInput()));
    const hostile = fc.string({
      unit: fc.constantFrom(...'<>&"\'/=! -`\u0000\u001b\u202e\n'.split(''), 'script', ']]>'),
    });
    fc.assert(
      fc.property(hostile, text => {
        const spoil = (word: string) =>
          WORDS.has(word) || /^[a-z]+:\/\//.test(word) ? word : `${word}${text}`;
        // Texts are looked up by the name of a check: it has to stay the same on both sides.
        const protects = Object.entries(pageInput().protects).map(([name, why]) => [spoil(name), spoil(why)]);
        const input = { ...mapStrings(pageInput(), spoil), protects: Object.fromEntries(protects) };
        expect(skeleton(page(input))).toEqual(plain);
      }),
    );
  });
});
