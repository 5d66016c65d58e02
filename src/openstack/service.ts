import type { z } from 'zod';
import type { ServiceType } from './config/types.ts';
import { ApiError } from './errors.ts';
import { type BodySource, type HttpAnswer, type HttpRequest, type Patience, readText, send } from './http.ts';
import { retryAfter, withRetries } from './retry.ts';
import { understand } from './schema.ts';
import type { Session } from './session.ts';

/** One request of an API, and what it may answer. */
export interface Call {
  /** As in `could not WHAT`: `read the image debian-12`. */
  readonly what: string;
  readonly method: HttpRequest['method'];
  /** Below the service's address; made with `path`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>> | URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: BodySource;
  /** The statuses that are success. */
  readonly accept: readonly number[];
  /** Sent twice it does what it does once; by default so for all but POST and PATCH. */
  readonly idempotent?: boolean;
  /** `never`: the caller has a better way to try again. */
  readonly retry?: 'by the policy' | 'never';
  /** Milliseconds for all tries together. */
  readonly deadline?: number;
  readonly patience?: Patience;
  readonly signal?: AbortSignal;
}

export interface Answered<T> {
  readonly status: number;
  readonly result: T;
  readonly headers: HttpAnswer['headers'];
}

const DEADLINE = 300_000;

/** One API of a cloud, as the session's user. */
export class Service {
  readonly session: Session;
  readonly type: ServiceType;

  constructor(session: Session, type: ServiceType) {
    this.session = session;
    this.type = type;
  }

  get context(): Session['context'] {
    return this.session.context;
  }

  /** How messages name it. */
  get label(): string {
    const { region, label } = this.session.config;
    return `${this.type} service of ${label}${region === undefined ? '' : `, region ${region}`}`;
  }

  /**
   * Sends a request and checks its answer.
   * @throws ApiError for another status, ConnectionError without an answer, SchemaError for an odd one
   */
  async call<T>(call: Call & { readonly result: z.ZodType<T> }): Promise<Answered<T>> {
    const { answer, text } = await this.#retrying(call, each => this.#finished(call, each));
    const result = understand(call.result, text, { what: call.what, service: this.label });
    return { status: answer.status, result, headers: answer.headers };
  }

  /** As `call`, for an answer whose body is of no interest. */
  async order(call: Call): Promise<number> {
    return (await this.#retrying(call, each => this.#finished(call, each))).answer.status;
  }

  /** As `call`, for an answer that is read by the caller as it comes. */
  stream(call: Call): Promise<HttpAnswer> {
    return this.#retrying(call, async answer => {
      if (!call.accept.includes(answer.status)) await this.#finished(call, answer);
      return answer;
    });
  }

  #retrying<T>(call: Call, read: (answer: HttpAnswer) => Promise<T>): Promise<T> {
    const attempt = async () => read(await this.#authorised(call));
    if (call.retry === 'never') return attempt();
    const idempotent = call.idempotent ?? !['POST', 'PATCH'].includes(call.method);
    const { what, deadline = DEADLINE } = call;
    return withRetries(this.context, { what, idempotent, deadline }, attempt);
  }

  /** Once more with a new token when the first one is refused; a body starts from its beginning. */
  async #authorised(call: Call): Promise<HttpAnswer> {
    const token = await this.session.token();
    const answer = await this.#send(call, token.id);
    if (answer.status !== 401) return answer;
    await answer.body.dump();
    return this.#send(call, (await this.session.renew(token)).id);
  }

  async #send(call: Call, token: string): Promise<HttpAnswer> {
    const body = call.json === undefined ? call.body : JSON.stringify(call.json);
    const url = `${await this.session.endpoint(this.type)}${call.path}${queryText(call.query)}`;
    const headers = {
      'x-auth-token': token,
      accept: 'application/json',
      ...(call.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
    };
    const { method, patience, what } = call;
    const signal = call.signal ?? this.context.signal;
    const names = { what, service: this.label };
    return send(this.session.dispatcher, { method, url, headers, body, patience, signal }, names);
  }

  async #finished(call: Call, answer: HttpAnswer): Promise<{ answer: HttpAnswer; text: string }> {
    const names = { what: call.what, service: this.label };
    const text = await readText(answer, names);
    if (call.accept.includes(answer.status)) return { answer, text };
    throw new ApiError(call.what, {
      status: answer.status,
      text,
      requestId: answer.headers['x-openstack-request-id'] ?? answer.headers['x-compute-request-id'],
      service: this.label,
      retryAfter: retryAfter(answer.headers['retry-after'], this.context.now().getTime()),
    });
  }
}

/** A path of which every inserted value is escaped, so that no id can lead elsewhere. */
export function path(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: parts }, ...values.map(value => encodeURIComponent(value).replace(/^\.+$/, '')));
}

function queryText(query: Call['query']): string {
  const pairs = query instanceof URLSearchParams ? query : new URLSearchParams();
  if (!(query instanceof URLSearchParams)) {
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) pairs.append(name, String(value));
    }
  }
  const text = pairs.toString();
  return text === '' ? '' : `?${text}`;
}
