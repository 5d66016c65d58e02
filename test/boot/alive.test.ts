import { describe, expect, it } from 'vitest';
import { assertAlive, whileAlive } from '../../src/boot/alive.ts';
import { CancelledError, CheckError } from '../../src/host/errors.ts';

const machine = (status: string, console = '[ 1.0] Linux version 6\n') => ({
  status: async () => status,
  console: async () => console,
});

/** A question that nobody will ever answer. */
const unanswered = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new CancelledError()), { once: true });
  });

const signals = () => ({ gone: new AbortController(), cancelled: new AbortController() });
type Signals = ReturnType<typeof signals>;
const ask = (watched: ReturnType<typeof machine>, { gone, cancelled }: Signals) =>
  whileAlive(watched, { gone: gone.signal, cancelled: cancelled.signal }, unanswered);

describe('a question to a guest', () => {
  it('ends when the machine does, and says how and in which phase', async () => {
    const both = signals();
    const asked = ask(machine('ended: QEMU ended with SIGSEGV'), both);
    both.gone.abort();
    await expect(asked).rejects.toThrow(
      'the machine ended: QEMU ended with SIGSEGV; it stopped in phase kernel, and its console ends: [ 1.0] Linux version 6',
    );
  });

  it('ends when the guest says that it gave up', async () => {
    const both = signals();
    const asked = ask(machine('running', 'Kernel panic - not syncing: no init\n'), both);
    both.gone.abort();
    await expect(asked).rejects.toThrow(
      new CheckError('the guest gave up: Kernel panic - not syncing: no init'),
    );
  });

  it('that the job cancels is cancelled, though the machine ends with it', async () => {
    const both = signals();
    const asked = ask(machine('ended: QEMU ended with SIGKILL'), both);
    both.cancelled.abort();
    both.gone.abort();
    await expect(asked).rejects.toThrow(CancelledError);
  });

  it('keeps its own failure', async () => {
    const { gone, cancelled } = signals();
    const late = new CheckError('no answer over ssh within 60 s to: true');
    const asked = whileAlive(machine('running'), { gone: gone.signal, cancelled: cancelled.signal }, () =>
      Promise.reject(late),
    );
    await expect(asked).rejects.toBe(late);
  });
});

it('a guest that runs and gave nothing up is alive', async () => {
  await expect(assertAlive(machine('running'))).resolves.toBeUndefined();
});
