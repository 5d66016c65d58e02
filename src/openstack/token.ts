import type { Dispatcher } from 'undici';
import { z } from 'zod';
import type { Context } from '../host/context.ts';
import { CloudError } from '../host/errors.ts';
import type { CloudConfig, Credential, Domain, Named, Scope } from './config/types.ts';
import { ApiError } from './errors.ts';
import { readText, send } from './http.ts';
import { retryAfter, withRetries } from './retry.ts';
import { understand } from './schema.ts';

/** What Keystone gave, and until when it is good by our own clock. */
export interface Token {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly received: number;
  readonly expires: number;
  readonly catalogue: readonly CatalogueEntry[];
  /** Of the scope, when it is a project. */
  readonly project: { readonly id: string; readonly name: string } | undefined;
}

export interface CatalogueEntry {
  readonly type: string;
  readonly endpoints: readonly {
    readonly interface: string;
    readonly region: string;
    readonly url: string;
  }[];
}

const ENDPOINT = z
  .object({
    interface: z.string(),
    region: z.string().nullish(),
    region_id: z.string().nullish(),
    url: z.string(),
  })
  .transform(each => ({
    interface: each.interface,
    region: each.region_id ?? each.region ?? '',
    url: each.url,
  }));

const ANSWER = z.object({
  token: z.object({
    expires_at: z.iso.datetime({ offset: true }),
    issued_at: z.iso.datetime({ offset: true }),
    catalog: z.array(z.object({ type: z.string(), endpoints: z.array(ENDPOINT) })).default([]),
    project: z.object({ id: z.string(), name: z.string() }).optional(),
  }),
});

const DEADLINE = 120_000;

/**
 * Asks Keystone for a token; a busy or broken one is asked again.
 * @throws ApiError when the user, password or scope is refused
 */
export async function requestToken(
  context: Context,
  config: CloudConfig,
  dispatcher: Dispatcher,
): Promise<Token> {
  const what = `log in to ${config.label}`;
  const service = `Keystone at ${config.authUrl}`;
  const body = JSON.stringify({ auth: authBody(config) });
  return withRetries(context, { what, idempotent: true, deadline: DEADLINE }, async () => {
    const url = `${config.authUrl}/auth/tokens`;
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const answer = await send(
      dispatcher,
      { method: 'POST', url, headers, body, signal: context.signal },
      { what, service },
    );
    const text = await readText(answer, { what, service });
    const requestId = answer.headers['x-openstack-request-id'];
    if (answer.status !== 201) {
      const asked = retryAfter(answer.headers['retry-after'], context.now().getTime());
      const refusal = { status: answer.status, text, requestId, service, retryAfter: asked };
      throw new ApiError(what, refusal, adviceFor(answer.status, config));
    }
    const id = answer.headers['x-subject-token'];
    if (id === undefined) throw new CloudError(`${service} gave no token`, { advice: 'is it Keystone?' });
    context.log.secret(id);
    return toToken(context, id, understand(ANSWER, text, { what, service }));
  });
}

/** By its length of life from now on: the cloud's clock may differ from ours. */
function toToken(context: Context, id: string, { token }: z.infer<typeof ANSWER>): Token {
  const received = context.now().getTime();
  const life = Date.parse(token.expires_at) - Date.parse(token.issued_at);
  return { id, received, expires: received + life, catalogue: token.catalog, project: token.project };
}

function adviceFor(status: number, { credential, scope }: CloudConfig): string | undefined {
  if (status === 404) return 'is auth_url the address of Keystone?';
  if (status !== 401) return undefined;
  const into = scope.kind === 'none' ? '' : `, and that it has a role in the ${scope.kind}`;
  switch (credential.kind) {
    case 'password':
      return `check the user${'name' in credential.user ? ` ${credential.user.name}, its domain` : ''} and the password${into}`;
    case 'application credential':
      return 'check that the application credential is there, has not expired, and has this secret';
    case 'token':
      return `check that the token has not expired${into}`;
  }
}

function authBody({ credential, scope }: CloudConfig): object {
  const scoped = scopeBody(scope);
  return { identity: identityBody(credential), ...(scoped === undefined ? {} : { scope: scoped }) };
}

function identityBody(credential: Credential): object {
  switch (credential.kind) {
    case 'password':
      return {
        methods: ['password'],
        password: { user: { ...named(credential.user), password: credential.password } },
      };
    case 'token':
      return { methods: ['token'], token: { id: credential.token } };
    case 'application credential': {
      const which =
        'id' in credential ? { id: credential.id } : { name: credential.name, user: named(credential.user) };
      return {
        methods: ['application_credential'],
        application_credential: { ...which, secret: credential.secret },
      };
    }
  }
}

function scopeBody(scope: Scope): object | undefined {
  switch (scope.kind) {
    case 'project':
      return { project: named(scope.project) };
    case 'domain':
      return { domain: domain(scope.domain) };
    case 'system':
      return { system: { all: true } };
    case 'none':
      return undefined;
  }
}

function named(each: Named): object {
  return 'id' in each ? { id: each.id } : { name: each.name, domain: domain(each.domain) };
}

function domain(each: Domain): object {
  return 'id' in each ? { id: each.id } : { name: each.name };
}
