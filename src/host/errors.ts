/**
 * The errors a user can meet. Each class has its own exit status (docs/design: "Ways of the house");
 * anything else that reaches the top is our bug and ends with status 1.
 */
export interface ErrorDetails {
  /** What the user can do about it; printed on the same line, after the message. */
  readonly advice?: string;
  readonly cause?: unknown;
}

export abstract class FactoryError extends Error {
  abstract readonly status: number;
  readonly advice: string | undefined;

  /** @param message what happened, and to what: one line without a final full stop */
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.advice = details.advice;
  }

  /** The one line a user sees. */
  get line(): string {
    return this.advice === undefined ? this.message : `${this.message}: ${this.advice}`;
  }
}

/** The user's words are wrong: an option, a factory file, an element that is not there. */
export class DefinitionError extends FactoryError {
  override readonly status = 2;
}

/** The host cannot do it: a missing tool, no root, no room. */
export class HostError extends FactoryError {
  override readonly status = 3;
}

/** A mirror or a network did not give what was asked for. */
export class NetworkError extends FactoryError {
  override readonly status = 4;
}

/** A script of an element ended with a failure. */
export class ElementError extends FactoryError {
  override readonly status = 5;
}

/** An acceptance test did not pass. */
export class CheckError extends FactoryError {
  override readonly status = 6;
}

/** A signature, digest or policy forbids it. */
export class TrustError extends FactoryError {
  override readonly status = 7;
}

/** A cloud's API refused or failed. */
export class CloudError extends FactoryError {
  override readonly status = 8;
}

/** The user, or the CI system, asked us to stop. */
export class CancelledError extends FactoryError {
  override readonly status = 130;

  constructor(message = 'cancelled', details: ErrorDetails = {}) {
    super(message, details);
  }
}

/** The exit status of any thrown value. */
export function exitStatus(error: unknown): number {
  return error instanceof FactoryError ? error.status : 1;
}

/** The line for a person, and the causes below it, one a line. */
export function describe(error: unknown): { line: string; causes: string[] } {
  const line = error instanceof FactoryError ? error.line : `internal error: ${messageOf(error)}`;
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && causes.length < 10) {
    causes.push(messageOf(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  if (!(error instanceof FactoryError) && error instanceof Error && error.stack) causes.push(error.stack);
  return { line, causes };
}

function messageOf(value: unknown): string {
  return value instanceof Error ? value.message : String(value);
}
