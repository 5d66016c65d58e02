import { readProfile } from '../../hardening/profile.ts';
import { regressions, scoreOf } from '../../hardening/score.ts';
import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';

export const hardening: OfflineCheck = {
  ...OFFLINE,
  name: 'hardening',
  protects:
    'No version is easier to break into than the one before it, and everybody can read how hard it is.',
  async look({ content, line, previousScore }) {
    const rules = await readProfile();
    const score = await scoreOf(content, rules, line.hardening.except);
    const lost = previousScore === undefined ? [] : regressions(previousScore, score);
    const why = (name: string) => rules.find(rule => rule.name === name)?.why ?? '';
    const { points, met, missed, waived } = score;
    return {
      findings: lost.map(what => ({ what, why: `version ${previousScore?.version} had it: ${why(what)}` })),
      seen: [
        `${points} of 100 points: ${met.length} of ${met.length + missed.length} rules`,
        ...(missed.length === 0 ? [] : [`without ${missed.join(', ')}`]),
        ...(waived.length === 0 ? [] : [`waived with a reason: ${waived.join(', ')}`]),
      ].join('; '),
      score,
    };
  },
};
