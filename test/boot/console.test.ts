import { appendFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ConsoleTail, MOST_CONSOLE } from '../../src/boot/console.ts';
import { temporary } from './temporary.ts';

async function tailed() {
  const file = join(await temporary(), 'console.log');
  const lines: string[] = [];
  const tail = new ConsoleTail(file, line => lines.push(line));
  onTestFinished(() => tail.close());
  return { file, lines, tail };
}

it('has nothing of a file that is not there yet', async () => {
  const { tail } = await tailed();
  await tail.poll();
  expect(tail.text).toBe('');
});

it('reads on where it stopped, and hands out whole lines', async () => {
  const { file, lines, tail } = await tailed();
  await writeFile(file, 'one\r\ntw');
  await tail.poll();
  expect(lines).toEqual(['one']);
  await appendFile(file, 'o\n');
  await tail.poll();
  await tail.close();
  expect(lines).toEqual(['one', 'two']);
  expect(tail.text).toBe('one\r\ntwo\n');
});

it('hands out a prompt that stays, and what comes after it as a line of its own', async () => {
  const { file, lines, tail } = await tailed();
  await writeFile(file, 'grub rescue> ');
  for (let look = 0; look < 8; look += 1) await tail.poll();
  expect(lines).toEqual([]);
  await tail.poll();
  expect(lines).toEqual(['grub rescue> ']);
  await appendFile(file, 'ls\r\n');
  await tail.poll();
  expect(lines).toEqual(['grub rescue> ', 'ls']);
  expect(tail.text).toBe('grub rescue> ls\r\n');
});

it('reads each byte once, however many ask at the same time', async () => {
  const { file, tail } = await tailed();
  const text = `${'x'.repeat(200_000)}\n`;
  await writeFile(file, text);
  await Promise.all([tail.poll(), tail.poll(), tail.poll()]);
  expect(tail.text).toBe(text);
});

it('joins a character that was cut between two readings', async () => {
  const { file, tail } = await tailed();
  const bytes = Buffer.from('ü');
  await writeFile(file, bytes.subarray(0, 1));
  await tail.poll();
  await appendFile(file, bytes.subarray(1));
  await tail.poll();
  expect(tail.text).toBe('ü');
});

it('stops at the limit and says so', async () => {
  const { file, tail } = await tailed();
  await writeFile(file, '');
  await truncate(file, MOST_CONSOLE + 1024 * 1024);
  await tail.poll();
  expect(tail.overflowed).toBe(true);
  expect(tail.text.length).toBe(MOST_CONSOLE);
});
