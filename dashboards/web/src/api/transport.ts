/** One request to the server: JSON both ways, problems (RFC 9457) as errors, an end to every wait. */
import { type Fault, Malformed, Refused, Unreachable } from "../errors";

const WAIT_MS = 20_000;

export interface Request {
  method?: "GET" | "POST" | "PUT";
  body?: unknown;
  token?: string | null;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export interface Listener {
  /** Any answer came, even a refusal: the link is up. The `Date` header in epoch milliseconds where it is given. */
  answered(serverMs: number | null): void;
  unanswered(): void;
}

export class Transport {
  constructor(
    private readonly root: string,
    private readonly fetch: typeof globalThis.fetch,
    private readonly listener: Listener,
  ) {}

  async json(path: string, request: Request = {}): Promise<unknown> {
    const deadline = AbortSignal.timeout(WAIT_MS);
    const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
    const response = await this.open(path, { ...request, signal });
    if (response.status === 204) return null;
    return this.read(path, response, request.signal);
  }

  /** The response once its head is there; its body is the caller's. Aborting by the caller passes through. */
  async open(path: string, request: Request): Promise<Response> {
    const response = await this.send(path, request);
    this.listener.answered(dateOf(response));
    if (!response.ok) throw await problem(response);
    return response;
  }

  private async send(path: string, { method = "GET", body, token, headers, signal }: Request): Promise<Response> {
    try {
      return await this.fetch(this.root + path, {
        method,
        headers: {
          Accept: "application/json",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(token ? { Authorization: `Bearer ${token}` } : {}),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ?? null,
        cache: "no-store",
        credentials: "same-origin",
      });
    } catch (error) {
      throw this.unanswered(error);
    }
  }

  private async read(path: string, response: Response, mine: AbortSignal | undefined): Promise<unknown> {
    try {
      return await response.json();
    } catch (error) {
      if (error instanceof SyntaxError) throw new Malformed(path, "text that is not JSON", "JSON");
      throw mine?.aborted ? error : this.unanswered(error);
    }
  }

  private unanswered(error: unknown): unknown {
    if (error instanceof DOMException && error.name === "AbortError") return error;
    this.listener.unanswered();
    return new Unreachable(String(error));
  }
}

async function problem(response: Response): Promise<Refused> {
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const text = (value: unknown, otherwise: string) => (typeof value === "string" ? value : otherwise);
  const wait = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new Refused(
    response.status,
    text(body["title"], response.statusText || `Status ${response.status}`),
    text(body["detail"], ""),
    Number.isFinite(wait) ? wait : null,
    faultsOf(body["errors"]),
  );
}

function faultsOf(errors: unknown): Fault[] {
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((each: unknown) => {
    const { place, expected, line } = (each ?? {}) as Record<string, unknown>;
    if (typeof place !== "string" || typeof expected !== "string") return [];
    return [{ place, expected, line: typeof line === "number" ? line : null }];
  });
}

function dateOf(response: Response): number | null {
  const at = Date.parse(response.headers.get("Date") ?? "");
  return Number.isNaN(at) ? null : at;
}
