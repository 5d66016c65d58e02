import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** A private keyring of real gpg; `at` is what its clock says, `20250101T000000`. */
export interface Gnupg {
  readonly folder: string;
  run(...words: string[]): Promise<{ stdout: string; stderr: string }>;
  at(time: string, ...words: string[]): Promise<{ stdout: string; stderr: string }>;
  /** @param until gpg's words: `1y`, `never` @returns fingerprint */
  makeKey(key: {
    name: string;
    algorithm?: string;
    time?: string;
    until?: string;
    passphrase?: string;
  }): Promise<string>;
  exportPublic(fingerprint: string): Promise<string>;
  exportSecret(fingerprint: string, passphrase?: string): Promise<string>;
  /** Revokes it in the keyring. */
  revoke(fingerprint: string, time: string): Promise<void>;
  close(): Promise<void>;
}

export async function openGnupg(): Promise<Gnupg> {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-gnupg-'));
  const common = ['--homedir', folder, '--pinentry-mode', 'loopback'];
  const run = (...words: string[]) => exec('gpg', [...common, '--batch', ...words]);
  const at = (time: string, ...words: string[]) => run('--faked-system-time', `${time}!`, ...words);
  return {
    folder,
    run,
    at,
    makeKey: async ({ name, algorithm = 'ed25519', time, until = 'never', passphrase = '' }) => {
      const user = `${name} <${name}@cloud.example>`;
      const words = ['--passphrase', passphrase, '--quick-generate-key', user, algorithm, 'sign', until];
      await (time === undefined ? run(...words) : at(time, ...words));
      const { stdout } = await run('--with-colons', '--list-keys', `=${user}`);
      return /^fpr:+([0-9A-F]{40}):/m.exec(stdout)?.[1] ?? '';
    },
    exportPublic: async fingerprint => (await run('--armor', '--export', fingerprint)).stdout,
    exportSecret: async (fingerprint, passphrase = '') =>
      (await run('--passphrase', passphrase, '--armor', '--export-secret-keys', fingerprint)).stdout,
    revoke: async (fingerprint, time) => {
      const clock = ['--faked-system-time', `${time}!`];
      const words = [...common, ...clock, '--no-tty', '--command-fd', '0', '--gen-revoke', fingerprint];
      const certificate = await answered(words, 'y\n1\nstolen\n\ny\n');
      await answered([...common, '--batch', ...clock, '--import'], certificate);
    },
    close: async () => {
      await exec('gpgconf', ['--homedir', folder, '--kill', 'all']).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** gpg asks before it revokes, --batch or not. */
function answered(words: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('gpg', words, { stdio: ['pipe', 'pipe', 'ignore'] });
    let told = '';
    child.stdout.on('data', (text: Buffer) => {
      told += text.toString();
    });
    child.on('error', reject);
    child.on('close', status =>
      status === 0 ? resolve(told) : reject(new Error(`gpg ${words.at(-1)} ended with ${status}`)),
    );
    child.stdin.end(input);
  });
}
