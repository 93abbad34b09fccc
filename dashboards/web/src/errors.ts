/**
 * Everything that asking the server can raise.
 *
 * * ApiError
 *   - Unreachable   no answer: the link, the server or the wait ended; try again
 *   - Refused       the server answered with a problem (RFC 9457); carries its status and words
 *     - SignedOut   the login is over and could not be renewed: ask for the password again
 *   - Malformed     the answer is not what the contract says; names the place, what was found and what was expected
 */
export class ApiError extends Error {
  override name = "ApiError";
}

export class Unreachable extends ApiError {
  override name = "Unreachable";
}

/** One wrong part of a request; `line` of a text that was sent, counted from 1. */
export interface Fault {
  place: string;
  expected: string;
  line: number | null;
}

export class Refused extends ApiError {
  override name = "Refused";
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly retryAfterS: number | null = null,
    readonly faults: readonly Fault[] = [],
  ) {
    super(detail || title);
  }
}

export class SignedOut extends Refused {
  override name = "SignedOut";
  constructor(detail = "Please log in again.") {
    super(401, "Signed out", detail);
  }
}

export class Malformed extends ApiError {
  override name = "Malformed";
  constructor(
    readonly place: string,
    readonly found: unknown,
    readonly expected: string,
  ) {
    super(`${place}: found ${JSON.stringify(found)?.slice(0, 80)}, expected ${expected}`);
  }
}

/** Say an error in words for the person who looks at the page. */
export function inWords(error: unknown): string {
  if (error instanceof Unreachable) return "Siloscope cannot be reached. Check the connection; this page keeps trying.";
  if (error instanceof SignedOut) return "Your login has ended. Please log in again.";
  if (error instanceof Refused && error.status === 404) return "There is nothing at this address.";
  if (error instanceof Refused && error.status === 403) return "You are not allowed to see this.";
  if (error instanceof Refused) return `The server refused: ${error.detail || error.title}.`.replace("..", ".");
  if (error instanceof Malformed) return `The server's answer could not be read (${error.message}).`;
  return "Something unexpected happened in this page. Reload it, please.";
}
