import { alternatives, closest } from '../../definition/words.ts';
import { DefinitionError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { AUTH_KEYS, AUTH_TYPES } from './keys.ts';
import { type Table, word } from './tree.ts';
import type { Credential, Domain, Named, Scope } from './types.ts';

/** Reads the `auth` part of one cloud. */
export class Auth {
  readonly #table: Table;
  readonly #label: string;

  /** @param label how messages name the cloud */
  constructor(table: Table, label: string) {
    this.#table = table;
    this.#label = label;
    for (const key of Object.keys(table)) this.#refuseSlip(key);
  }

  /** Keystone's address, with `/v3` at its end. */
  url(): string {
    const text = this.#need('auth_url');
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
      throw new DefinitionError(`auth_url of ${this.#label} is not an http or https address`, {
        advice: 'give one such as https://cloud.example:5000/v3, without a user in it',
      });
    }
    return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/v(2\.0|3)$/, '')}/v3`;
  }

  /** @param type the entry's `auth_type`; without one it follows from what is there */
  credential(type: string | undefined): Credential {
    const kind = this.#kind(type);
    if (kind === 'token') return { kind, token: this.#need('token') };
    if (kind === 'password') return { kind, user: this.#user(), password: this.#need('password') };
    const secret = this.#need('application_credential_secret');
    const id = this.#word('application_credential_id');
    if (id !== undefined) return { kind, id, secret };
    return {
      kind,
      name: this.#need('application_credential_name', 'application_credential_id'),
      user: this.#user(),
      secret,
    };
  }

  scope(credential: Credential): Scope {
    if (credential.kind === 'application credential') return { kind: 'none' };
    const system = this.#word('system_scope');
    if (system !== undefined) {
      if (system !== 'all') throw new DefinitionError(`system_scope of ${this.#label} can only be "all"`);
      return { kind: 'system' };
    }
    const id = this.#word('project_id') ?? this.#word('tenant_id');
    if (id !== undefined) return { kind: 'project', project: { id } };
    const name = this.#word('project_name') ?? this.#word('tenant_name');
    if (name !== undefined) return { kind: 'project', project: { name, domain: this.#domain('project') } };
    const domain = this.#named('domain_id', 'domain_name');
    return domain === undefined ? { kind: 'none' } : { kind: 'domain', domain };
  }

  #kind(type: string | undefined): Credential['kind'] {
    if (type !== undefined) {
      const kind = Object.hasOwn(AUTH_TYPES, type) ? AUTH_TYPES[type] : undefined;
      if (kind !== undefined) return kind;
      throw new DefinitionError(
        `auth_type "${clean(type)}" of ${this.#label} is not one this client speaks`,
        {
          advice: `use ${alternatives(Object.keys(AUTH_TYPES))}`,
        },
      );
    }
    if (this.#word('application_credential_secret') !== undefined) return 'application credential';
    return this.#word('password') === undefined && this.#word('token') !== undefined ? 'token' : 'password';
  }

  #user(): Named {
    const id = this.#word('user_id');
    if (id !== undefined) return { id };
    return { name: this.#need('username', 'user_id'), domain: this.#domain('user') };
  }

  /** Keystone's own default domain has the id `default`. */
  #domain(of: 'user' | 'project'): Domain {
    return (
      this.#named(`${of}_domain_id`, `${of}_domain_name`) ??
      this.#named('default_domain_id', 'default_domain_name') ??
      this.#named('default_domain', 'default_domain') ?? { id: 'default' }
    );
  }

  #named(idKey: string, nameKey: string): Domain | undefined {
    const id = this.#word(idKey);
    if (id !== undefined) return { id };
    const name = this.#word(nameKey);
    return name === undefined ? undefined : { name };
  }

  #word(key: string): string | undefined {
    return word(this.#table, key, this.#label);
  }

  #need(key: string, or?: string): string {
    const value = this.#word(key);
    if (value !== undefined) return value;
    throw new DefinitionError(`${this.#label} has no ${or === undefined ? key : `${key} or ${or}`}`, {
      advice: `set it in clouds.yaml${/password|secret|token/.test(key) ? ' or secure.yaml' : ''}, or as OS_${key.toUpperCase()}`,
    });
  }

  /** Other clients know more keys; a word that is nearly one of ours is a slip. */
  #refuseSlip(key: string): void {
    if (AUTH_KEYS.has(key)) return;
    const meant = closest(key, AUTH_KEYS);
    if (meant === undefined) return;
    throw new DefinitionError(`auth of ${this.#label} has the unknown key ${clean(key)}`, {
      advice: `did you mean ${meant}?`,
    });
  }
}
