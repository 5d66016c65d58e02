import { spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { Qmp } from '../../src/boot/qmp.ts';

const MONITOR = ['-chardev', 'stdio,id=m,signal=off', '-mon', 'chardev=m,mode=control'];

function qemu() {
  const argv = ['-M', 'none', '-nodefaults', '-display', 'none', ...MONITOR];
  const child = spawn('qemu-system-x86_64', argv, { stdio: ['pipe', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

it('speaks with a real QEMU', async () => {
  const child = qemu();
  const qmp = await Qmp.open(child.stdout, child.stdin);
  const answers = await Promise.all([qmp.execute('query-status'), qmp.execute('query-version')]);
  expect(answers).toMatchObject([{ status: 'running' }, { qemu: { major: expect.any(Number) } }]);
  await expect(qmp.execute('no-such-command')).rejects.toThrow(/CommandNotFound/);
  await expect(qmp.execute('device_del', { id: 'absent' })).rejects.toThrow(/absent/);
});

it('lets nobody wait for a QEMU that is gone', async () => {
  const child = qemu();
  const qmp = await Qmp.open(child.stdout, child.stdin);
  child.kill('SIGKILL');
  await expect(qmp.execute('query-status')).rejects.toThrow(/closed/);
  await expect(qmp.execute('query-status')).rejects.toThrow(/closed/);
});

it('fails when the other side ends before it greets', async () => {
  const input = new PassThrough();
  const opening = Qmp.open(input, new PassThrough());
  input.destroy();
  await expect(opening).rejects.toThrow(/closed/);
});

it('passes over events and lines that are no JSON', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const sent: string[] = [];
  output.setEncoding('utf8').on('data', text => sent.push(text));
  const opening = Qmp.open(input, output);
  input.write('noise\n{"event": "RESUME"}\n{"QMP": {}}\n');
  await new Promise(resolve => setImmediate(resolve));
  input.write('{"return": {}, "id": 1}\n');
  const qmp = await opening;
  const asked = qmp.execute('query-status');
  input.write('{"event": "STOP"}\n{"return": {"status": "paused"}, "id": 2}\n');
  expect(await asked).toEqual({ status: 'paused' });
  expect(sent.join('')).toContain('"execute":"query-status"');
});
