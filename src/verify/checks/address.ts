import { connect } from 'node:net';
import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import type { GuestCheck } from '../types.ts';

const PATIENCE = 15_000;
const LONGEST_BANNER = 255;

export const address: GuestCheck = {
  kind: 'guest',
  name: 'address',
  protects: 'An address from outside leads to the server, so that a customer can reach what he started.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  async run({ machine }) {
    const { host, port } = machine.address;
    const banner = await firstLine(host, port);
    if (banner.startsWith('SSH-2.0-')) return `${host}:${port} answers ${clean(banner)}`;
    throw new CheckError(`${host}:${port} answers ${JSON.stringify(clean(banner))}, which is no ssh server`);
  },
};

/** What a server says by itself, up to its first line break. */
function firstLine(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(new CheckError(`${host}:${port} does not lead to the guest: ${why}`));
    const socket = connect({ host, port });
    let text = '';
    socket.setTimeout(PATIENCE, () => {
      fail(`nothing came within ${PATIENCE / 1000} s`);
      socket.destroy();
    });
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      if (!text.includes('\n') && text.length < LONGEST_BANNER) return;
      resolve(text.slice(0, LONGEST_BANNER).split(/\r?\n/)[0] ?? '');
      socket.destroy();
    });
    socket.on('error', error => fail(error.message));
    socket.on('close', () => fail('the connection was closed'));
  });
}
