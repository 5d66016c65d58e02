import { describe, expect, it } from 'vitest';
import { differencesOf, judge, type Rule, tell } from './compare.ts';
import { enabledServices, type Facts } from './tree.ts';

const FILE: Facts = { type: 'file', mode: '0644', owner: '0:0', sha256: 'aa' };
const PLAIN: Readonly<Record<string, Facts>> = {
  '/etc': { type: 'directory', mode: '0755', owner: '0:0' },
  '/etc/fstab': FILE,
  '/etc/link': { type: 'symlink', mode: '0777', owner: '0:0', target: 'fstab' },
  '/dev/null': { type: 'character device', mode: '0666', owner: '0:0', device: '1:3' },
};

function tree(facts: Readonly<Record<string, Facts>>, texts: Readonly<Record<string, string>> = {}) {
  return {
    facts: new Map(Object.entries(facts)),
    content: async (path: string) => Buffer.from(texts[path] ?? ''),
  };
}

describe('two trees', () => {
  it('that are the same have no difference', () => {
    expect(differencesOf(tree(PLAIN), tree({ ...PLAIN }))).toEqual([]);
  });

  it.each<[string, Record<string, Facts>, string]>([
    ['a file more', { '/etc/more': FILE }, '/etc/more: only ours'],
    ['a type', { '/etc/fstab': { ...FILE, type: 'fifo' } }, '/etc/fstab: type fifo, there file'],
    ['a mode', { '/etc/fstab': { ...FILE, mode: '4644' } }, '/etc/fstab: mode 4644, there 0644'],
    ['an owner', { '/etc/fstab': { ...FILE, owner: '0:5' } }, '/etc/fstab: owner 0:5, there 0:0'],
    ['content', { '/etc/fstab': { ...FILE, sha256: 'ab' } }, '/etc/fstab: sha256 ab, there aa'],
    [
      'a link',
      { '/etc/link': { ...FILE, type: 'symlink', mode: '0777', target: 'x' } },
      '/etc/link: target x, there fstab',
    ],
    [
      'a device',
      { '/dev/null': { type: 'character device', mode: '0666', owner: '0:0', device: '1:5' } },
      '/dev/null: device 1:5, there 1:3',
    ],
    [
      'an attribute',
      { '/etc/fstab': { ...FILE, attributes: 'user.a=eA==' } },
      '/etc/fstab: attributes user.a=eA==, there none',
    ],
    ['a hard link', { '/etc/fstab': { ...FILE, sameAs: '/etc/a' } }, '/etc/fstab: sameAs /etc/a, there none'],
  ])('tell of %s', (_, change, told) => {
    expect(differencesOf(tree({ ...PLAIN, ...change }), tree(PLAIN)).map(tell)).toContain(told);
  });

  it('tell of a file less', () => {
    const { '/etc/fstab': _, ...rest } = PLAIN;
    expect(differencesOf(tree(rest), tree(PLAIN)).map(tell)).toEqual(['/etc/fstab: only theirs']);
  });
});

describe('a judgement', () => {
  const rule: Rule = {
    name: 'fstab',
    paths: /\/etc\/fs.*/,
    kinds: ['sha256'],
    reason: 'random',
    why: 'it is',
  };
  const ours = tree({ ...PLAIN, '/etc/fstab': { ...FILE, sha256: 'ab' } }, { '/etc/fstab': 'id 17\nrest\n' });
  const theirs = tree(PLAIN, { '/etc/fstab': 'id 4\nrest\n' });

  it('explains what a rule names', async () => {
    const { unexplained, unused } = await judge(ours, theirs, [rule]);
    expect([unexplained, unused]).toEqual([[], []]);
  });

  it.each<[string, Partial<Rule>]>([
    ['of a part of the path', { paths: /fstab/ }],
    ['of other paths by a function', { paths: path => path !== '/etc/fstab' }],
    ['of another kind', { kinds: ['mode', 'only ours'] }],
    ['after which the rest differs', { without: content => content.toString().replace(/1/, '') }],
  ])('does not take a rule %s, and calls it unused', async (_, change) => {
    const wrong = { ...rule, ...change };
    const { unexplained, unused } = await judge(ours, theirs, [wrong]);
    expect(unexplained.map(each => each.path)).toEqual(['/etc/fstab']);
    expect(unused).toEqual([wrong]);
  });

  it('looks at what is left without the reason', async () => {
    const { unexplained } = await judge(ours, theirs, [
      { ...rule, without: content => content.toString().replace(/id \d+/, '') },
    ]);
    expect(unexplained).toEqual([]);
  });
});

it('knows services by the links that systemd follows', () => {
  const link = (target: string): Facts => ({ type: 'symlink', mode: '0777', owner: '0:0', target });
  const facts = {
    '/etc/systemd/system/multi-user.target.wants/ssh.service': link('/lib/systemd/system/ssh.service'),
    '/etc/systemd/system/sshd.service': link('/lib/systemd/system/ssh.service'),
  };
  expect(enabledServices(tree(facts))).toEqual([
    'multi-user.target.wants/ssh.service -> /lib/systemd/system/ssh.service',
  ]);
});
