import type { Dispatcher } from 'undici';
import type { Context } from '../host/context.ts';
import { CloudError } from '../host/errors.ts';
import { endpointOf } from './catalogue.ts';
import { isInTheClear } from './config/resolve.ts';
import type { CloudConfig, ServiceType } from './config/types.ts';
import { type HttpOptions, openDispatcher } from './http.ts';
import { Service } from './service.ts';
import { requestToken, type Token } from './token.ts';

/** Part of a token's life, and the longest time, that are left over when it is renewed. */
const MARGIN = { part: 0.1, most: 120_000 };

/** What every view of a session shares. */
interface Shared {
  readonly dispatcher: Dispatcher;
  /** The token in use, or on its way; many calls at once wait for one login. */
  token: Promise<Token> | undefined;
}

/** A login to one cloud in one region. */
export class Session {
  readonly config: CloudConfig;
  readonly context: Context;
  readonly #shared: Shared;

  private constructor(context: Context, config: CloudConfig, shared: Shared) {
    this.context = context;
    this.config = config;
    this.#shared = shared;
  }

  /** Nothing is sent yet: the first call logs in. @throws DefinitionError when a certificate cannot be read */
  static async open(context: Context, config: CloudConfig, options: HttpOptions = {}): Promise<Session> {
    if (isInTheClear(config.authUrl)) {
      context.log.warn(`${config.label}: the password goes to ${config.authUrl} without encryption`);
    }
    const dispatcher = await openDispatcher(config, options);
    return new Session(context, config, { dispatcher, token: undefined });
  }

  /** The same login under another context: to clean up after the first one was cancelled. */
  under(context: Context): Session {
    return new Session(context, this.config, this.#shared);
  }

  get dispatcher(): Dispatcher {
    return this.#shared.dispatcher;
  }

  service(type: ServiceType): Service {
    return new Service(this, type);
  }

  async close(): Promise<void> {
    await this.#shared.dispatcher.close();
  }

  /** A token with some life left in it. */
  async token(): Promise<Token> {
    const token = await (this.#shared.token ?? this.#login());
    const margin = Math.min(MARGIN.most, (token.expires - token.received) * MARGIN.part);
    if (this.context.now().getTime() < token.expires - margin) return token;
    return this.renew(token);
  }

  /** A new token in place of one that was refused or ends; of several callers the first one logs in. */
  async renew(stale: Token): Promise<Token> {
    const known = this.#shared.token;
    const current = await known;
    if (current !== undefined && current.id !== stale.id) return current;
    // Another caller, who waited beside us, was first.
    if (this.#shared.token !== undefined && this.#shared.token !== known) return this.#shared.token;
    if (this.config.credential.kind === 'token') {
      throw new CloudError(`the token of ${this.config.label} is not, or no longer, valid`, {
        advice: 'give a new one; with a password or an application credential it is renewed by itself',
      });
    }
    return this.#login();
  }

  async endpoint(type: ServiceType): Promise<string> {
    return endpointOf(this.config, (await this.token()).catalogue, type);
  }

  #login(): Promise<Token> {
    const login = requestToken(this.context, this.config, this.#shared.dispatcher);
    this.#shared.token = login;
    // A failed login is not kept: the next call tries again.
    login.catch(() => {
      if (this.#shared.token === login) this.#shared.token = undefined;
    });
    return login;
  }
}
