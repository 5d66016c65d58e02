import { expect, it } from 'vitest';
import { HostError } from '../../src/host/errors.ts';
import { type HostTool, missingTools, requireTools, TOOLS } from '../../src/host/tools.ts';
import { recordingContext } from './support.ts';

const SHELL: HostTool = { needs: 'sh', package: 'dash' };
const ABSENT: HostTool[] = [
  { needs: 'no-such-tool', package: 'one' },
  { needs: '/no/such/keyring.gpg', package: 'two' },
  { needs: 'nor-this-tool', package: 'one' },
];
const never = async () => {
  throw new Error('asked for root');
};

it('knows what is there: programs by name, files by path', async () => {
  const present: HostTool[] = [SHELL, { needs: '/etc/passwd', package: 'base-passwd' }];
  expect(await missingTools([...present, ...ABSENT])).toEqual(ABSENT);
});

it('does not take a file that is no program for one', async () => {
  const inPath: HostTool = { needs: '../../etc/passwd', package: 'base-passwd' };
  expect(await missingTools([inPath])).toEqual([inPath]);
});

it('says nothing and asks for nothing when all is there', async () => {
  const { context, said } = recordingContext();
  await requireTools(context, [SHELL], { install: true, root: never });
  expect(said).toEqual([]);
});

it('names every missing tool and each package once, in one line', async () => {
  const { context } = recordingContext();
  const asked = requireTools(context, [SHELL, ...ABSENT], { install: false, root: never });
  const error = await asked.catch(each => each);
  expect(error).toBeInstanceOf(HostError);
  expect(error.line).toBe(
    'this host lacks no-such-tool, /no/such/keyring.gpg, nor-this-tool: apt-get install one two',
  );
});

it('installs with the packages printed first, and fails in one line when apt does', async () => {
  const { context, said } = recordingContext();
  // The root prefix in place of apt-get: the words it would be given are the judge, nothing is installed.
  const root = async () => ['sh', '-c', 'echo "E: Unable to locate package $9" >&2; exit 100', '--'];
  const error = await requireTools(context, ABSENT, { install: true, root }).catch(each => each);
  expect(said).toEqual(['info: installing what this host lacks: one two']);
  expect(error.line).toMatch(/^apt-get update failed: E: Unable to locate package .*by hand: one two$/);
});

it('needs nothing twice', () => {
  for (const tools of Object.values(TOOLS)) {
    const names = tools.map(each => each.needs);
    expect(new Set(names).size).toBe(names.length);
  }
});
