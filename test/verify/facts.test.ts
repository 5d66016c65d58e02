import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CancelledError, CheckError } from '../../src/host/errors.ts';
import { factsScript, gather, readAnswers } from '../../src/verify/facts.ts';
import { fakeMachine } from './guest.ts';

const exec = promisify(execFile);
const MARK = 'c0ffee';

async function answersOf(commands: string[], patience?: number) {
  const { stdout } = await exec('sh', ['-c', factsScript(commands, MARK, patience)]);
  return readAnswers(stdout, commands, MARK);
}

describe('the script of all questions, in a real shell', () => {
  it('keeps output, status and complaint of each apart', async () => {
    const commands = [
      "printf 'a\\nb\\n'",
      'echo no >&2; exit 3',
      'echo "it\'s"; echo $((1+1))',
      'exit 7',
      '',
    ];
    const answers = await answersOf(commands);
    expect([...answers.values()]).toEqual([
      { status: 0, stdout: 'a\nb\n', stderr: '' },
      { status: 3, stdout: '', stderr: 'no' },
      { status: 0, stdout: "it's\n2\n", stderr: '' },
      { status: 7, stdout: '', stderr: '' },
      { status: 0, stdout: '', stderr: '' },
    ]);
    expect([...answers.keys()]).toEqual(commands);
  });

  it('brings any text back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ maxLength: 60 }).filter(text => !text.includes('\0')),
        async text => {
          const command = `printf %s '${text.replaceAll("'", `'\\''`)}'`;
          const answers = await answersOf(['echo before', command]);
          expect(answers.get(command)?.stdout).toBe(text);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('ends what hangs, with all that it started, and keeps what the others said', async () => {
    const answers = await answersOf(['echo one', 'echo half; sleep 1234.5; echo never', 'echo three'], 1);
    expect([...answers.values()]).toEqual([
      { status: 0, stdout: 'one\n', stderr: '' },
      { status: 124, stdout: 'half\n', stderr: '' },
      { status: 0, stdout: 'three\n', stderr: '' },
    ]);
    const { stdout } = await exec('ps', ['-eo', 'args']);
    expect(stdout).not.toContain('sleep 1234.5');
  });

  it('leaves out what did not come whole', () => {
    const answers = readAnswers('x\n\nc0ffee 0 0 \nhalf', ['one', 'two'], MARK);
    expect([...answers]).toEqual([['one', { status: 0, stdout: 'x\n', stderr: '' }]]);
  });
});

describe('gather', () => {
  it('asks once for what several checks want to know', async () => {
    const machine = fakeMachine({ answers: [[/./, 'yes\n\nc0ffee 0 0 \n']] });
    const answers = await gather(machine, ['id', 'id'], MARK);
    expect(machine.commands).toHaveLength(1);
    expect(answers.get('id')?.stdout).toBe('yes\n');
  });

  it('has no answers when the guest gives none in time', async () => {
    const machine = fakeMachine({ answers: [[/./, new CheckError('no answer')]] });
    expect(await gather(machine, ['id'], MARK)).toEqual(new Map());
  });

  it('is cancelled', async () => {
    const machine = fakeMachine({ answers: [[/./, new CancelledError()]] });
    await expect(gather(machine, ['id'], MARK)).rejects.toThrow(CancelledError);
  });

  it('asks nothing when there is nothing to ask', async () => {
    const machine = fakeMachine();
    await gather(machine, [], MARK);
    expect(machine.commands).toEqual([]);
  });
});
