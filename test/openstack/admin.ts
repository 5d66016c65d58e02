import type { Place } from './place.ts';
import { KEYSTONE } from './services/keystone.ts';

export interface Resource {
  readonly id: string;
  readonly [key: string]: unknown;
}

/** Enough of the services' APIs to fill a cloud. Written apart from `src/`, which these tests judge. */
export class Caller {
  readonly #url: string;
  readonly #token: string;

  private constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Logs in to Keystone, and speaks to it. @param user name of a user and of a project */
  static async login(place: Place, user: string): Promise<Caller> {
    const url = `${place.url(KEYSTONE.name)}/v3`;
    const who = { name: user, domain: { id: 'default' }, password: place.secret(user) };
    const scope = { project: { name: user, domain: { id: 'default' } } };
    const auth = { identity: { methods: ['password'], password: { user: who } }, scope };
    const answer = await fetch(`${url}/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth }),
    });
    if (!answer.ok) throw new Error(`Keystone refuses ${user}: ${await answer.text()}`);
    return new Caller(url, answer.headers.get('x-subject-token') ?? '');
  }

  /** The same user, speaking to another service. */
  at(url: string): Caller {
    return new Caller(url, this.#token);
  }

  async call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-auth-token': this.#token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    const text = await answer.text();
    return text === '' ? {} : JSON.parse(text);
  }

  /** @param kind as in the path and, with underscores, in the answer: `security-groups` */
  async list(kind: string): Promise<Resource[]> {
    return (await this.call('GET', `/${kind}`))[kind.replaceAll('-', '_')] as Resource[];
  }

  /** The first that fits, made when there is none. */
  async ensure(kind: string, fits: (each: Resource) => boolean, body: object): Promise<Resource> {
    const there = (await this.list(kind)).find(fits);
    if (there !== undefined) return there;
    const one = kind.slice(0, -1).replaceAll('-', '_');
    return (await this.call('POST', `/${kind}`, { [one]: body }))[one] as Resource;
  }

  named(kind: string, name: string, more: object = {}): Promise<Resource> {
    return this.ensure(kind, each => each.name === name, { name, ...more });
  }
}
