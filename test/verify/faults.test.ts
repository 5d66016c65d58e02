import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { BootMachine } from '../../src/boot/machines.ts';
import { bootQemu } from '../../src/boot/qemu.ts';
import { sha256Hex } from '../../src/bundle/digest.ts';
import { createContext } from '../../src/host/context.ts';
import { CancelledError } from '../../src/host/errors.ts';
import { NO_LOGINS } from '../../src/image/logins.ts';
import { runSuite, type SuiteRequest } from '../../src/verify/suite.ts';
import { bootSector } from '../boot/boot-sector.ts';
import { behindSshd } from '../boot/sshd.ts';
import { manifest } from '../report/fixture.ts';
import { PLATFORMS, stage } from '../runner/support.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const BUDGET = 18_000;

/** A disk with this in front, to be tested by the real suite in a real QEMU. */
async function diskOf(folder: string, sector: Buffer, budget = BUDGET) {
  const path = join(folder, 'disk.raw');
  await writeFile(path, sector);
  await truncate(path, MIB);
  const content = Buffer.concat([sector, Buffer.alloc(MIB - sector.length)]);
  const sha512 = createHash('sha512').update(content).digest('hex');
  const request: SuiteRequest = {
    ...{ image: 'debian-12', version: '20261121.1', coreDigest: 'c', diskDigest: 'd', path, form: 'raw' },
    file: { path: 'disk.raw', size: MIB, sha256: sha256Hex(content), sha512 },
    ...{
      imageSize: MIB,
      userName: 'debian',
      checks: ['ssh', 'console', 'login-prompt', 'restart', 'power-off'],
    },
    ...{ place: 'qemu', placeKind: 'runner', job: 'host:1', quarantine: {} },
    bundle: { core: folder, manifest, work: folder, logins: NO_LOGINS, line: manifest.line, allow: {} },
    boot: { accel: 'tcg', firmware: 'bios', budget, memory: 64 * MIB, cpus: 1 },
    ...{ work: folder, state: join(folder, 'state') },
  };
  return request;
}

/** Processes that work in a folder: QEMU and ssh run in the machine's own. */
async function processesIn(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map(pid => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, index) => folders[index]?.startsWith(folder));
}

/** Tests run side by side, so each removes its own folder itself. */
async function inFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-faults-'));
  try {
    return await act(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Case {
  readonly boot?: BootMachine;
  readonly budget?: number;
  /** What befalls it while the suite runs. */
  readonly meanwhile?: (folder: string) => Promise<void>;
}

const verdictOn = (sector: Buffer, how: Case = {}) => inFolder(folder => verdictIn(folder, sector, how));

async function verdictIn(folder: string, sector: Buffer, { boot = bootQemu, budget, meanwhile }: Case) {
  const request = await diskOf(folder, sector, budget);
  const { runner, written } = stage(PLATFORMS.github);
  const running = runSuite(createContext({ log: runner.log }), request, boot);
  const [{ report, boots }] = await Promise.all([running, meanwhile?.(folder)]);
  const console = boots[0]?.console ?? '';
  expect(await processesIn(folder)).toEqual([]);
  expect(await readdir(folder)).toEqual(['disk.raw']);
  expect(report.passed).toBe(false);
  for (const { detail } of report.checks) expect(detail).toMatch(/^[^\p{Cc}]+(?:\t[^\p{Cc}]*)*$/u);
  const told = Object.fromEntries(report.checks.map(each => [each.name, each]));
  expect(told.ssh?.outcome).toBe('failed');
  return { console, ssh: told.ssh?.detail, log: told.console?.detail, shown: written().split('\n') };
}

async function killQemu(folder: string): Promise<void> {
  await consoleWith('Linux version', folder);
  for (const pid of await processesIn(folder)) process.kill(Number(pid), 'SIGKILL');
}

/** The serial port of a guest writes some 200 KiB a second, for which nobody wants to wait. */
async function fillConsole(folder: string): Promise<void> {
  await truncate(await consoleWith('FORGED', folder), GIB);
}

/** @returns the file, as soon as the guest wrote so much */
async function consoleWith(text: string, folder: string): Promise<string> {
  for (;;) {
    const name = (await readdir(folder, { recursive: true })).find(each => each.endsWith('/console.log'));
    const file = join(folder, name ?? '');
    if (name !== undefined && (await readFile(file, 'utf8')).includes(text)) return file;
    await setTimeout(100);
  }
}

const LINUX = '[    0.000000] Linux version 6.1.0-test\n';

describe.concurrent('a guest that', () => {
  it('writes nothing and never answers', { timeout: 60_000 }, async () => {
    const { ssh, console } = await verdictOn(bootSector('', 'halt'));
    expect(ssh).toMatch(
      /^no ssh within 1?\d s of power-on .*: it stopped in phase power-on 1?\d s ago, and its console is empty$/,
    );
    expect(console).toBe('');
  });

  it('writes nothing and reads its disk has all of its time', { timeout: 60_000 }, async () => {
    const { ssh } = await verdictOn(bootSector('', 'read'), { budget: 9000 });
    expect(ssh).toMatch(
      /^no ssh within 9 s of power-on .*: it stopped in phase power-on, and its console is/,
    );
  });

  it('is no disk that boots', { timeout: 60_000 }, async () => {
    const { ssh, log } = await verdictOn(Buffer.alloc(512));
    expect(ssh).toMatch(/^no ssh within 1?\d s of power-on .*it stopped in phase power-on/);
    expect(log).toMatch(/^the console log is empty/);
  });

  it('starts its kernel and hangs', { timeout: 60_000 }, async () => {
    const { ssh, console } = await verdictOn(bootSector(`${LINUX}[    1.0] waiting for root\n`, 'halt'));
    expect(ssh).toMatch(
      /^no ssh within 1?\d s .* it stopped in phase kernel 1?\d s ago, and its console ends: .* \| \[ {4}1\.0\] waiting for root$/,
    );
    expect(console).toContain('waiting for root');
  });

  it('panics', { timeout: 60_000 }, async () => {
    const panic = 'Kernel panic - not syncing: VFS: Unable to mount root fs';
    const before = Date.now();
    const { ssh, console } = await verdictOn(bootSector(`${LINUX}[    1.0] ${panic}\n`, 'halt'));
    expect(ssh).toBe(`the guest gave up: ${panic}`);
    // Not when ssh's own patience with a guest that answers nothing is at its end.
    expect(Date.now() - before).toBeLessThan(6000);
    expect(console).toContain(panic);
  });

  it('switches itself off in the middle', { timeout: 60_000 }, async () => {
    const { ssh, console } = await verdictOn(bootSector(LINUX, 'power-off'));
    expect(ssh).toMatch(
      /^the machine ended: QEMU ended with status 0; it stopped in phase kernel, and its console ends/,
    );
    expect(console).toContain('Linux version');
  });

  it('dies in the middle', { timeout: 60_000 }, async () => {
    const { ssh, console } = await verdictOn(bootSector(LINUX, 'halt'), { meanwhile: killQemu });
    expect(ssh).toMatch(
      /^the machine ended: QEMU ended with SIGKILL; it stopped in phase kernel, and its console ends/,
    );
    expect(console).toContain('Linux version');
  });

  it('writes a gigabyte of commands for the runner', { timeout: 60_000 }, async () => {
    const noise = '::error::FORGED\n::add-mask::debian\n\u001b[2J\u001b]0;title\u0007##[error]FORGED\n';
    const { ssh, console, shown } = await verdictOn(bootSector(noise, 'again'), { meanwhile: fillConsole });
    expect(ssh).toMatch(/^the machine ended: the guest floods its console; it stopped in phase/);
    expect(console).toContain('::add-mask::debian');
    expect(console.length).toBeLessThan(9 * MIB);
    expect(shown).toContain('guest first | : :error: :FORGED');
    const forged = shown.filter(line => line.includes('FORGED') || line.includes('add-mask'));
    for (const line of forged) expect(line).toMatch(/^guest first \| |^::error::failed /);
  });

  it('answers with another host key than before', { timeout: 60_000 }, async () => {
    const { ssh } = await verdictOn(bootSector(LINUX, 'halt'), { boot: behindSshd({ knownBefore: true }) });
    expect(ssh).toMatch(
      /^no ssh within 1?\d s of power-on \(Host key verification failed\.\): it stopped in phase/,
    );
  });

  it('does not take the key that it was given', { timeout: 60_000 }, async () => {
    const { ssh } = await verdictOn(bootSector(LINUX, 'halt'), { boot: behindSshd({ knownBefore: false }) });
    expect(ssh).toMatch(
      /^no ssh within 1?\d s of power-on \(.*Permission denied \(publickey.*\)\.\): it stopped/,
    );
  });
});

it(
  'ends at once when the job is cancelled, hands over what its guest wrote, and leaves nothing',
  { timeout: 60_000 },
  () =>
    inFolder(async folder => {
      const request = await diskOf(folder, bootSector(LINUX, 'halt'));
      const abort = new AbortController();
      const kept: string[] = [];
      const unfinished: SuiteRequest['unfinished'] = async ({ name, console }) =>
        void kept.push(name, console);
      const context = createContext({ signal: abort.signal });
      const running = runSuite(context, { ...request, unfinished }, bootQemu);
      const refused = expect(running).rejects.toThrow(CancelledError);
      await consoleWith(LINUX.trim(), folder);
      const before = Date.now();
      abort.abort();
      await refused;
      expect(Date.now() - before).toBeLessThan(3000);
      expect(kept).toEqual(['first', expect.stringContaining(LINUX.trim())]);
      expect(await processesIn(folder)).toEqual([]);
      expect(await readdir(folder)).toEqual(['disk.raw']);
    }),
);
