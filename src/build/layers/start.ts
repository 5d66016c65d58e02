import { join } from 'node:path';
import type { Context } from '../../host/context.ts';
import type { Sandbox } from '../../host/sandbox/sandbox.ts';
import type { Logins } from '../../image/logins.ts';
import { sha256 } from '../archive/fetch.ts';
import type { Chroot } from '../chroot.ts';
import { digestFolder } from '../element-files.ts';
import { canonical } from '../inputs.ts';
import { engineStepNames, type PhaseWorld } from '../phases.ts';
import { keySteps } from './keys.ts';
import { type LayerRoom, Layers } from './layers.ts';
import { type SequenceRequest, sequence } from './steps.ts';

/** What layers depend on that the making of the tree does not see. */
export interface LayerPlan extends LayerRoom {
  readonly context: Context;
  readonly sandbox: Sandbox;
  /** Name and architecture of the image line. */
  readonly line: string;
  /** The program and its tools: plain data. */
  readonly engine: unknown;
  /** What is to be installed, with versions: plain data. */
  readonly packages: unknown;
  /** Version and SHA-256 by name of what comes from the distribution. */
  readonly closure: Readonly<Record<string, string>>;
  /** Digests of what scripts may read beside the elements' parts. */
  readonly files: readonly string[];
  /** The folder, on the host, that the sandbox sees as /elements. */
  readonly elements: string;
  /** See LayersRequest. */
  readonly logins?: Logins;
  readonly lists: readonly string[];
  readonly declared: ReadonlyMap<string, 'open' | 'closed'>;
}

interface World extends PhaseWorld, Pick<SequenceRequest, 'bootstrap'> {
  readonly chroot: Chroot;
}

/** Computes the keys of a build, and brings the tree as far as an earlier build's layer does. */
export async function startLayers(world: World, plan: LayerPlan): Promise<Layers> {
  const { bootstrap, environment, packages, extra } = world;
  const hooks = join(plan.elements, 'hooks');
  const steps = await sequence({
    ...{ hooks, environment, given: { packages, extra, files: plan.files } },
    engine: phase => engineStepNames(world, phase),
    ...(bootstrap && { bootstrap }),
  });
  const bound = {
    hooks: await digestFolder(hooks),
    disk: await digestFolder(join(plan.elements, 'stand-ins')),
  };
  const basis = sha256(canonical([plan.engine, bootstrap]));
  return Layers.start(
    { ...plan, ...world },
    {
      ...plan,
      steps: keySteps([plan.engine, plan.packages], steps),
      bound,
      ...(bootstrap && { bootstrap: { basis, packages: plan.closure } }),
    },
  );
}
