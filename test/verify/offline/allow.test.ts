import { expect, test } from 'vitest';
import { judgeFindings } from '../../../src/verify/offline/allow.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const FOUND = [{ what: '/opt/agent/run', why: 'setuid' }];
const judge = (list: Parameters<typeof judgeFindings>[1] = {}) => judgeFindings(FOUND, list, NOW);

test('an entry excuses what it names, and says why', () => {
  const reason = 'the agent';
  expect(judge({ '/opt/agent/run': { reason } })).toEqual({ wrong: [], excused: [reason] });
  expect(judge({ '/opt/*': { reason } }).wrong).toEqual([]);
});

test('what no entry names is wrong', () => {
  const wrong = ['/opt/agent/run: setuid'];
  expect(judge()).toEqual({ wrong, excused: [] });
  expect(judge({ '/opt/agent': { reason: 'a folder only' } }).wrong).toEqual(wrong);
  expect(judge({ '/opt.agent.run': { reason: 'no pattern' } }).wrong).toEqual(wrong);
});

test('an entry counts on its last day, and not on the next', () => {
  const until = (expires: string) => ({ '/opt/*': { reason: 'until the agent is fixed', expires } });
  expect(judge(until('2026-11-21')).wrong).toEqual([]);
  expect(judge(until('2026-11-20'))).toEqual({
    wrong: ['/opt/agent/run: setuid (allowed until 2026-11-20: until the agent is fixed)'],
    excused: [],
  });
  const both = { ...until('2026-11-20'), '/opt/agent/*': { reason: 'anew' } };
  expect(judge(both).excused).toEqual(['anew']);
});
