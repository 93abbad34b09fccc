/**
 * The login: an access token, and a refresh token that renews it shortly before it ends.
 *
 * Both lie in the browser's storage, so that a reload and a second tab go on. A refresh token may be good for one use
 * only: of several callers and tabs that need a renewal at once, one does it and the others take its result.
 */
import { Malformed, Refused, SignedOut } from "../errors";
import type { Tokens } from "./entities";

export interface Login {
  access: string;
  refresh: string;
  /** By this device's own clock: renewal may come early or late, the server has the last word. */
  renewAtMs: number;
}

export interface Storage {
  read(): Login | null;
  write(login: Login, keep: boolean | null): void;
  clear(): void;
}

export interface TokenCalls {
  token(username: string, password: string): Promise<Tokens>;
  refresh(refreshToken: string): Promise<Tokens>;
  logout(refreshToken: string, access: string): Promise<void>;
}

/** Runs one at a time over all tabs of this browser. */
export type Exclusively = <T>(work: () => Promise<T>) => Promise<T>;

const RENEW_BEFORE_S = 60;

export class Session {
  private renewing: Promise<string> | null = null;
  onEnd: () => void = () => {};

  constructor(
    private readonly calls: TokenCalls,
    private readonly storage: Storage,
    private readonly exclusively: Exclusively,
    private readonly nowMs: () => number,
  ) {}

  get open(): boolean {
    return this.storage.read() !== null;
  }

  async begin(username: string, password: string, keep: boolean): Promise<void> {
    this.storage.write(this.loginFrom(await this.calls.token(username, password)), keep);
  }

  /** A token to send; `refused` is one that the server has just turned down. */
  async accessToken(refused: string | null = null): Promise<string> {
    const login = this.storage.read();
    if (login === null) throw this.ended();
    const usable = login.access !== refused && this.nowMs() < login.renewAtMs;
    return usable ? login.access : this.renew(login);
  }

  async end(): Promise<void> {
    const login = this.storage.read();
    this.storage.clear();
    // Signed out here even when the server cannot be told: its token ends by itself.
    if (login !== null) await this.calls.logout(login.refresh, login.access).catch(() => {});
  }

  private renew(stale: Login): Promise<string> {
    this.renewing ??= this.exclusively(() => this.renewOnce(stale)).finally(() => (this.renewing = null));
    return this.renewing;
  }

  private async renewOnce(stale: Login): Promise<string> {
    const login = this.storage.read();
    if (login === null) throw this.ended();
    if (login.refresh !== stale.refresh) return login.access;
    try {
      const renewed = this.loginFrom(await this.calls.refresh(login.refresh));
      this.storage.write(renewed, null);
      return renewed.access;
    } catch (error) {
      return this.afterFailedRenewal(error, login);
    }
  }

  private afterFailedRenewal(error: unknown, tried: Login): string {
    const login = this.storage.read();
    if (login !== null && login.refresh !== tried.refresh) return login.access;
    const final =
      error instanceof Malformed || (error instanceof Refused && error.status < 500 && error.status !== 429);
    if (!final) throw error;
    this.storage.clear();
    throw this.ended();
  }

  private ended(): SignedOut {
    this.onEnd();
    return new SignedOut();
  }

  private loginFrom(tokens: Tokens): Login {
    const untilRenewalS = Math.max(tokens.expires_in / 2, tokens.expires_in - RENEW_BEFORE_S);
    return {
      access: tokens.access_token,
      refresh: tokens.refresh_token,
      renewAtMs: this.nowMs() + untilRenewalS * 1000,
    };
  }
}
