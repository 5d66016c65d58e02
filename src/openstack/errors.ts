import { STATUS_CODES } from 'node:http';
import { CloudError } from '../host/errors.ts';
import { clean } from '../host/log.ts';

/** A cloud's API said no. */
export class ApiError extends CloudError {
  /** The HTTP status of the answer. */
  readonly httpStatus: number;
  /** By which the cloud's operators find the request in their logs. */
  readonly requestId: string | undefined;
  /** Milliseconds after which the cloud wants to be asked again. */
  readonly retryAfter: number | undefined;

  /** @param what what was tried, as in `could not WHAT` */
  constructor(what: string, answer: Refusal, advice?: string) {
    const { status, requestId, service } = answer;
    const reason = reasonOf(answer.text);
    const title = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
    const id = requestId === undefined ? '' : `, request ${requestId}`;
    const told = reason === '' || reason === title ? '' : `, ${reason}`;
    super(`could not ${what}: ${title}${told} (${service}${id})`, {
      advice: advice ?? adviceFor(status, reason),
    });
    this.httpStatus = status;
    this.requestId = requestId;
    this.retryAfter = answer.retryAfter;
  }
}

/** No answer came, or not the whole of it. Whether the request was carried out is not known. */
export class ConnectionError extends CloudError {
  /** The request never left: it is safe to send it again, whatever it is. */
  readonly unsent: boolean;

  constructor(what: string, service: string, cause: unknown) {
    const code = codeOf(cause);
    super(`could not ${what}: ${meaning(code, cause)} (${service})`, {
      advice: 'check the network and the address in the catalogue',
      cause,
    });
    this.unsent = UNSENT.has(code);
  }
}

/** The cloud answered with something that is not what its API promises. */
export class SchemaError extends CloudError {}

export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly requestId: string | undefined;
  /** The service and where it is. */
  readonly service: string;
  readonly retryAfter?: number | undefined;
}

const ADVICE: Readonly<Record<number, string>> = {
  401: 'the cloud does not accept the token: check the credentials',
  403: "the cloud's policy does not allow it to this user: ask for the role, or use another project",
  404: 'it is not there, or not visible to this project',
  409: 'its state does not allow it now',
  413: 'the quota is used up or the store is full: remove something or ask for more',
  429: 'the cloud limits how often it may be asked: try again later',
};

/** Services answer a quota with 403, 409 or 413; the word is in the sentence. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/quota.*exceeded|exceeded.*quota|OverQuota/i, 'the quota is used up: remove something or ask for more'],
  [
    /No more IP addresses/i,
    'the network has no address left: remove what is not used, or name another network',
  ],
  [
    /too small for (?:the )?requested image|smaller than the minimum size specified in image/i,
    'the image needs a larger flavor: name one, or none',
  ],
];

function adviceFor(status: number, reason: string): string {
  const known = REASONS.find(([pattern]) => pattern.test(reason));
  if (known !== undefined) return known[1];
  return (
    ADVICE[status] ?? (status >= 500 ? 'the cloud is at fault: try again later' : 'see what the cloud says')
  );
}

const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function codeOf(cause: unknown): string {
  const { code, cause: inner } = (cause ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return inner === undefined ? '' : codeOf(inner);
}

function meaning(code: string, cause: unknown): string {
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nothing listens there',
    ECONNRESET: 'the connection was cut',
    EPIPE: 'the connection was cut',
    UND_ERR_SOCKET: 'the connection was cut',
    ENOTFOUND: 'its host name is not known',
    EAI_AGAIN: 'its host name could not be looked up',
    UND_ERR_CONNECT_TIMEOUT: 'no connection came about in time',
    UND_ERR_HEADERS_TIMEOUT: 'no answer came in time',
    UND_ERR_BODY_TIMEOUT: 'the answer stopped on its way',
    SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is by an authority unknown here: name it with cacert',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself: name it with cacert',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is by an authority unknown here: name it with cacert',
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is by an authority unknown here: name it with cacert',
  };
  return known[code] ?? clean(cause instanceof Error ? cause.message : String(cause));
}

/** The sentence in an error's body: JSON in one of OpenStack's shapes, or the HTML of a proxy. */
function reasonOf(text: string): string {
  return clean(withoutMarkup(fromJson(text) ?? text))
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
}

function fromJson(text: string): string | undefined {
  try {
    return messageIn(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function messageIn(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const own = (body as { message?: unknown }).message;
  if (typeof own === 'string') return own;
  for (const value of Object.values(body)) {
    const found = messageIn(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Glance puts markup into JSON too. */
function withoutMarkup(text: string): string {
  const body = /<body[^>]*>(.*)<\/body>/is.exec(text)?.[1] ?? text;
  return body.replace(/<h1>.*?<\/h1>/is, '').replace(/<[^>]*>/g, ' ');
}
