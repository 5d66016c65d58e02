import type { Context } from '../../host/context.ts';

/** A tag of everything that a run makes in a cloud for as long as it lasts. */
export const RUN_TAG = 'image-factory-run';

/** When a server that was asked to be kept may go; part of its metadata, as an ISO time. */
export const KEEP_UNTIL = 'image_factory_keep_until';

/** One run that makes things in a cloud. */
export interface Run {
  /** Name of all that it makes, and their second tag: `image-factory-20261121T104500Z-1a2b3c4d`. */
  readonly name: string;
  readonly startedAt: Date;
}

const NAME = /^image-factory-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{8}$/;

export function newRun(context: Pick<Context, 'now' | 'random'>): Run {
  const time = context
    .now()
    .toISOString()
    .replace(/[-:]|\.\d+/g, '');
  const name = `image-factory-${time}-${context.random(4).toString('hex')}`;
  return runOf(name) as Run;
}

/** The run that a name belongs to; undefined: it is not one of ours. */
export function runOf(name: string): Run | undefined {
  const found = NAME.exec(name);
  if (found === null) return undefined;
  const [, year, month, day, hour, minute, second] = found;
  const startedAt = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(startedAt.getTime()) ? undefined : { name, startedAt };
}
