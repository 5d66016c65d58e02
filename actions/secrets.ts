import type { Context } from '../src/host/context.ts';
import { DefinitionError } from '../src/host/errors.ts';

interface Secrets {
  readonly signingKey?: string;
  readonly passphrase?: string;
}

/**
 * Makes every secret a reference (`env:NAME`, `file:PATH`) and masks what it refers to. What a workflow gave as
 * text moves into the context's environment, which no child process inherits.
 * @throws DefinitionError when a variable that is named is not set
 */
export function withSecrets<V extends Secrets>(context: Context, values: V): { context: Context; values: V } {
  const env: Record<string, string | undefined> = { ...context.env };
  const reference = (name: string, text: string | undefined) => {
    if (text === undefined || text.startsWith('file:')) return text;
    if (text.startsWith('env:')) {
      context.log.secret(variable(name, text.slice('env:'.length), env));
      return text;
    }
    context.log.secret(text);
    const home = `IMAGE_FACTORY_${name.toUpperCase().replaceAll('-', '_')}`;
    env[home] = text;
    return `env:${home}`;
  };
  const signingKey = reference('signing-key', values.signingKey);
  const passphrase = reference('passphrase', values.passphrase);
  return {
    context: { ...context, env },
    values: { ...values, ...(signingKey && { signingKey }), ...(passphrase && { passphrase }) },
  };
}

function variable(input: string, name: string, env: Context['env']): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new DefinitionError(`${input} names the environment variable ${name}, which is not set`);
}

/** The environment without inputs: `INPUT_*` repeats every secret of a step. */
export function withoutInputs(env: Context['env']): Context['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('INPUT_')));
}
