import { describe, expect, it } from 'vitest';
import { sealTree } from '../../src/build/seal.ts';
import { ElementError } from '../../src/host/errors.ts';
import type { Sandbox } from '../../src/host/sandbox/sandbox.ts';

/** Stands for a sandbox whose tree has these entries; only its list of them and what it is told to do matter. */
function treeOf(...paths: string[]) {
  const ran: string[] = [];
  const run = async (argv: readonly string[], options: { input?: string } = {}) => {
    ran.push(options.input ?? argv.join(' '));
    return { stdout: argv[0] === 'find' ? paths.map(path => `f 1 7 ${path}\0`).join('') : '' };
  };
  return { sandbox: { run } as unknown as Sandbox, ran };
}

describe('sealing a tree', () => {
  it('removes what no image may carry', async () => {
    const { sandbox, ran } = treeOf('var/tmp/left', 'usr/bin/env');
    expect(await sealTree(sandbox)).toBe(1);
    expect(ran).toContain('var/tmp/left\0');
  });

  it.each(['var/tmp/\ufffd', 'var/log/a\ufffdb\n', 'etc/ssh/ssh_host_\ufffd\u001b[31m'])(
    'refuses %j, which has to go, before it touches anything, in one line with status 5',
    async path => {
      const { sandbox, ran } = treeOf('var/tmp/left', path);
      const error = await sealTree(sandbox).catch(each => each);
      expect(error).toBeInstanceOf(ElementError);
      expect(error.status).toBe(5);
      expect(error.line).toMatch(/^an element left \/.+ in the image, and its name is not UTF-8: remove it/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(error.line).not.toMatch(/[\u0000-\u001f]/);
      expect(ran).toHaveLength(1);
    },
  );

  it('lets a name that is not UTF-8 be where it may stay', async () => {
    const { sandbox } = treeOf('srv/\ufffd');
    expect(await sealTree(sandbox)).toBe(0);
  });
});
