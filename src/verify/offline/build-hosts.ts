import type { Manifest } from '../../bundle/types.ts';
import { isDistinctive } from './scan.ts';

/** Names of the hosts that an image was made on and from, as far as they can be told from other words. */
export function buildHosts({ builder, line }: Pick<Manifest, 'builder' | 'line'>): string[] {
  const { build, image } = line.mirror;
  const mirror = build === undefined || build === image ? [] : [new URL(build).hostname];
  return [builder.host, ...mirror].filter(isDistinctive);
}
