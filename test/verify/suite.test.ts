import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import type { BootMachine } from '../../src/boot/machines.ts';
import type { MachineRequest } from '../../src/boot/types.ts';
import { sha256Hex } from '../../src/bundle/digest.ts';
import { SAFE_NAME } from '../../src/bundle/names.ts';
import { createContext } from '../../src/host/context.ts';
import { CancelledError, CheckError, DefinitionError, HostError, TrustError } from '../../src/host/errors.ts';
import { NO_LOGINS } from '../../src/image/logins.ts';
import { runSuite, type SuiteRequest } from '../../src/verify/suite.ts';
import { manifest } from '../report/fixture.ts';
import { type Behaviour, CONSOLE, fakeMachine } from './guest.ts';

const GIB = 1024 ** 3;
const REQUIRED = ['running', 'root-password'];

async function prepared(change: Partial<SuiteRequest> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-suite-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [path, content] = [join(folder, 'disk.raw'), 'a disk'];
  await writeFile(path, content);
  const sha512 = createHash('sha512').update(content).digest('hex');
  const bundle = { core: folder, manifest, work: folder, line: manifest.line, logins: NO_LOGINS, allow: {} };
  const request: SuiteRequest = {
    ...{ image: 'debian-12', version: '20261121.1', coreDigest: 'c', diskDigest: 'd', path, form: 'raw' },
    file: { path: 'debian-12.raw', size: content.length, sha256: sha256Hex(content), sha512 },
    ...{ imageSize: GIB, userName: 'debian', checks: REQUIRED, place: 'qemu', job: 'host:1' },
    ...{ placeKind: 'runner', quarantine: {}, bundle },
    boot: { accel: 'auto', firmware: 'bios', budget: 3000, memory: GIB, cpus: 1 },
    ...{ work: folder, state: join(folder, 'state') },
    ...change,
  };
  return { folder, request };
}

/** Boots nothing; keeps what it was asked for. */
function booter(behaviour: Behaviour = {}) {
  const asked: MachineRequest[] = [];
  const machine = fakeMachine({ poweredOn: new Date(), ...behaviour });
  const boot: BootMachine = async request => {
    asked.push(request);
    return machine;
  };
  return { boot, asked, machine };
}

const context = createContext({ sleep: async () => {} });

describe('runSuite', () => {
  it('gives a finished report', async () => {
    const { request, folder } = await prepared();
    const { boot, machine } = booter();
    const { report, boots } = await runSuite(context, request, boot);
    const { console, screen } = boots[0] ?? {};
    expect(report).toMatchObject({
      ...{ formatVersion: 1, image: 'debian-12', version: '20261121.1', place: 'qemu', job: 'host:1' },
      ...{ coreDigest: 'c', diskDigest: 'd', required: REQUIRED, passed: true },
      machine: { kind: 'qemu', accelerator: 'tcg', firmware: 'bios' },
      bootedFile: { path: 'debian-12.raw', sha256: request.file.sha256, sha512: request.file.sha512 },
    });
    expect(report.checks.map(check => [check.name, check.outcome])).toEqual([
      ['running', 'passed'],
      ['root-password', 'passed'],
    ]);
    expect(report.run).toMatch(SAFE_NAME);
    expect(report.bootSeconds).toBeGreaterThan(0);
    expect(console).toBe(CONSOLE);
    expect(screen).toBeUndefined();
    expect(machine.closed).toBe(1);
    expect(await readdir(folder)).toEqual(['disk.raw']);
  });

  it('asks for a disk that a root which did not grow fills half of at most', async () => {
    const { request } = await prepared({ imageSize: 1.7 * GIB });
    const { boot, asked } = booter();
    await runSuite(context, request, boot);
    expect(asked[0]?.diskSize).toBeGreaterThanOrEqual(2 * 1.7 * GIB);
    expect(parse(String(asked[0]?.userData))).toMatchObject({ write_files: [{ path: expect.any(String) }] });
  });

  it('does not pass when one check fails', async () => {
    const { request } = await prepared();
    const { boot } = booter({ answers: [[/shadow/, 'root::1::::::\n']] });
    const { report } = await runSuite(context, request, boot);
    expect(report.passed).toBe(false);
    expect(report.checks).toMatchObject([{ outcome: 'passed' }, { outcome: 'failed', detail: /empty/ }]);
  });

  it('reports a guest that never came up, with the console', async () => {
    const { request } = await prepared({ checks: [...REQUIRED, 'console'] });
    const console = 'GNU GRUB  version 2.06\nerror: no such partition.\ngrub rescue> ';
    const { boot, machine } = booter({ answers: [[/^true$/, 255]], console });
    const result = await runSuite(context, request, boot);
    expect(result.report.checks.map(check => check.outcome)).toEqual(['passed', 'failed', 'failed']);
    expect(result.report.checks[1]?.detail).toBe('the guest gave up: grub rescue>');
    expect(result.report).toMatchObject({ passed: false, bootSeconds: 0 });
    expect(result.boots[0]?.console).toBe(console);
    expect(String(result.boots[0]?.screen)).toBe('picture');
    expect(machine.closed).toBe(1);
  });

  it('keeps a guest until its time is over, with the result known before', async () => {
    const { boot, machine } = booter();
    const seen: unknown[] = [];
    const concluded = async ({ report }: { report: { passed: boolean } }) =>
      void seen.push([report.passed, machine.closed]);
    const { request, folder } = await prepared({ keep: 1, concluded });
    await runSuite(context, request, boot);
    expect(seen).toEqual([[true, 0]]);
    expect(machine.closed).toBe(1);
    expect(await readdir(folder)).toEqual(['disk.raw']);
  });

  it('keeps no guest whose result cannot be written', async () => {
    const { boot, machine } = booter();
    const concluded = () => Promise.reject(new Error('no key'));
    const { request } = await prepared({ keep: 3_600_000, concluded });
    await expect(runSuite(context, request, boot)).rejects.toThrow('no key');
    expect(machine.closed).toBe(1);
  });

  it('boots nothing for a check that needs no guest', async () => {
    const { request, folder } = await prepared({ checks: ['images'] });
    for (const { path } of manifest.files) await writeFile(join(folder, path), 'no image at all');
    const { boot, asked } = booter();
    const { report, boots } = await runSuite(context, request, boot);
    const { console } = boots[0] ?? {};
    expect(asked).toEqual([]);
    expect(console).toBe('');
    expect(report).toMatchObject({ required: ['images'], passed: false, machine: { kind: 'none' } });
    expect(report.checks).toMatchObject([{ name: 'images', outcome: 'failed' }]);
  });

  it.each([
    ['gpt-hybrid', { bios: 'failed', uefi: 'passed', 'secure-boot': 'failed' }],
    ['gpt-uefi', { bios: 'not-applicable', uefi: 'passed', 'secure-boot': 'failed' }],
    ['mbr', { bios: 'failed', uefi: 'not-applicable', 'secure-boot': 'not-applicable' }],
    ['filesystem', { bios: 'not-applicable', uefi: 'not-applicable', 'secure-boot': 'not-applicable' }],
  ] as const)(
    'boots %s under the firmwares that it is made for, and passes nothing else',
    async (layout, expected) => {
      const { request } = await prepared({ checks: Object.keys(expected) });
      const line = { ...manifest.line, disk: { ...manifest.line.disk, layout } };
      const { boot, asked } = booter({
        answers: [
          [/firmware\/efi \]/, 'UEFI\n'],
          [/efivars/, '   0\n'],
        ],
      });
      const { report } = await runSuite(context, { ...request, bundle: { ...request.bundle, line } }, boot);
      expect(Object.fromEntries(report.checks.map(({ name, outcome }) => [name, outcome]))).toEqual(expected);
      expect(report.passed).toBe(false);
      const applicable = Object.values(expected).filter(outcome => outcome !== 'not-applicable').length;
      expect(new Set(asked.map(({ firmware }) => firmware)).size).toBe(applicable);
    },
  );

  it('says of a check that does not apply in a place that it does not', async () => {
    const { request } = await prepared({ checks: ['images', ...REQUIRED], placeKind: 'store' });
    const { report } = await runSuite(context, request, booter().boot);
    expect(report).toMatchObject({ required: REQUIRED, passed: true });
    expect(report.checks[0]).toMatchObject({ name: 'images', outcome: 'not-applicable' });
  });

  it('passes what fails in quarantine only', async () => {
    const quarantine = { running: { tracker: 'issue 7', expires: '2999-12-31' } };
    const { request } = await prepared({ quarantine });
    const { report } = await runSuite(context, request, booter({ status: 'paused' }).boot);
    expect(report).toMatchObject({ required: ['root-password'], passed: true });
    expect(report.checks[0]).toMatchObject({ name: 'running', outcome: 'quarantined' });
  });

  it('calls a check flaky that passes at the second time only, and does not pass the image', async () => {
    const { request } = await prepared();
    const { boot, machine } = booter();
    const answers = ['paused', 'running'];
    machine.status = async () => answers.shift() ?? 'running';
    const { report } = await runSuite(context, request, boot);
    expect(report.passed).toBe(false);
    expect(report.checks[0]).toMatchObject({
      name: 'running',
      outcome: 'flaky',
      detail: /paused, not running/,
    });
  });

  it('lets a check from outside run before the guest has answered the questions of the others', async () => {
    const { request } = await prepared();
    const { boot, machine } = booter();
    let seen = () => {};
    const looked = new Promise<void>(resolve => {
      seen = resolve;
    });
    const { ssh, status } = machine;
    machine.status = async () => {
      seen();
      return status();
    };
    machine.ssh = async (command, options) => {
      if (command.includes('mktemp')) await looked;
      return ssh(command, options);
    };
    const { report } = await runSuite(context, request, boot);
    expect(report.passed).toBe(true);
  });

  it('reports an image that cannot be a disk', async () => {
    const { request } = await prepared();
    const boot = () => Promise.reject(new CheckError('it cannot be used as a raw disk'));
    const { report } = await runSuite(context, request, boot);
    expect(report.checks.map(check => check.outcome)).toEqual(['failed', 'failed']);
    expect(report).toMatchObject({ passed: false, machine: { accelerator: 'none' } });
  });

  it.each([
    ['a host that cannot', new HostError('no QEMU')],
    ['a cancellation', new CancelledError()],
  ])('lets %s through, and leaves nothing', async (_what, error) => {
    const { request, folder } = await prepared();
    await expect(runSuite(context, request, () => Promise.reject(error))).rejects.toBe(error);
    expect(await readdir(folder)).toEqual(['disk.raw']);
  });

  it('ends the machine when a check finds a bug of ours', async () => {
    const { request } = await prepared();
    const { boot, machine } = booter({ answers: [[/shadow/, new TypeError('bug')]] });
    await expect(runSuite(context, request, boot)).rejects.toThrow('bug');
    expect(machine.closed).toBe(1);
  });

  it('cleans what a guest says before it says it', async () => {
    const { request } = await prepared();
    const { boot } = booter({ status: '\u001b[31mpaused\n::error::x' });
    const { report } = await runSuite(context, request, boot);
    expect(report.checks[0]?.detail).toBe('the monitor says paused ::error::x, not running');
  });
});

describe('the bytes', () => {
  it('must be the ones that were to be tested', async () => {
    const { request } = await prepared();
    await writeFile(request.path, 'b disk');
    const { boot, asked } = booter();
    await expect(runSuite(context, request, boot)).rejects.toThrow(TrustError);
    expect(asked).toEqual([]);
  });

  it('must not change while they are tested', async () => {
    const { request } = await prepared();
    const { machine } = booter();
    const boot: BootMachine = async () => {
      await writeFile(request.path, 'b disk');
      return machine;
    };
    await expect(runSuite(context, request, boot)).rejects.toThrow(/changed while it was tested/);
  });
});

describe('the required checks', () => {
  it.each([
    [['runing'], /there is no check "runing"/],
    [[], /no check is required/],
  ])('%j is refused', async (checks, message) => {
    const { request } = await prepared({ checks });
    const refused = runSuite(context, request, booter().boot);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(DefinitionError);
  });
});
