import { expect, it } from 'vitest';
import { checkCancelled, createContext } from '../../src/host/context.ts';
import { CancelledError } from '../../src/host/errors.ts';

it('sleeps, until the signal wakes it with CancelledError', async () => {
  const controller = new AbortController();
  const context = createContext({ signal: controller.signal });
  await context.sleep(1);
  const asleep = context.sleep(60_000);
  controller.abort();
  await expect(asleep).rejects.toThrow(CancelledError);
  await expect(context.sleep(0)).rejects.toThrow(CancelledError);
});

it('lets as many wait as there is work, and Node says nothing of a leak', async () => {
  const warnings: Error[] = [];
  const warn = (warning: Error) => void warnings.push(warning);
  process.on('warning', warn);
  const controller = new AbortController();
  const context = createContext({ signal: controller.signal });
  await Promise.all(Array.from({ length: 50 }, () => context.sleep(10)));
  await context.sleep(10);
  process.off('warning', warn);
  expect(warnings).toEqual([]);
});

it('checkCancelled throws only after the signal', () => {
  checkCancelled(createContext());
  expect(() => checkCancelled({ signal: AbortSignal.abort() })).toThrow(CancelledError);
});

it('knows nothing of the real environment unless it is handed in', () => {
  expect(createContext().env).toEqual({});
  expect(createContext({ env: { A: 'b' } }).env).toEqual({ A: 'b' });
});
