/**
 * Keeps one event stream open: reads it, notices when it falls silent, comes back with a growing pause and goes on
 * after the last event that it saw.
 */
import { news as readNews, type News } from "../api/entities";
import { ApiError, Refused, SignedOut } from "../errors";
import { waitS } from "./backoff";
import { EventStreamParser } from "./events";

export type Open = (lastId: string | null, signal: AbortSignal) => Promise<Response>;

export interface FeedListener {
  /** The stream is open: what was missed before it should be asked for. */
  opened(): void;
  /** Any sign of life; without news where it was a comment only. */
  heard(news: News[]): void;
  /** One event that the contract does not know: left out, the stream goes on. */
  unreadable(error: unknown): void;
  lost(error: unknown, retryInS: number): void;
  /** It makes no sense to try again. */
  gaveUp(error: unknown): void;
}

export interface Timers {
  after(seconds: number, work: () => void): () => void;
  random(): number;
}

/** The server sends at least a comment every 15 s; two that are missing mean a dead link. */
export const SILENCE_S = 35;

export class Feed {
  private lastId: string | null = null;
  private failures = 0;
  private stopped = false;
  private abort = new AbortController();
  private cancelWait: () => void = () => {};

  constructor(
    private readonly open: Open,
    private readonly listener: FeedListener,
    private readonly timers: Timers,
  ) {}

  start(): void {
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    this.cancelWait();
    this.abort.abort();
  }

  /** Do not wait any longer: the person asked, or the network came back. An open stream is opened anew. */
  retryNow(): void {
    if (this.stopped) return;
    this.cancelWait();
    this.abort.abort();
    this.abort = new AbortController();
    void this.run();
  }

  private async run(): Promise<void> {
    const { signal } = this.abort;
    try {
      await this.follow(signal);
      if (!this.stopped && signal === this.abort.signal) void this.run();
    } catch (error) {
      if (!this.stopped && signal === this.abort.signal) this.comeBack(error);
    }
  }

  /** Returns when the server wants the stream to be opened anew with a fresh login; raises on every other end. */
  private async follow(signal: AbortSignal): Promise<void> {
    const own = new AbortController();
    const stop = () => own.abort();
    signal.addEventListener("abort", stop);
    let cancelSilence = this.timers.after(SILENCE_S, stop);
    try {
      const response = await this.open(this.lastId, own.signal);
      this.listener.opened();
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventStreamParser();
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        cancelSilence();
        cancelSilence = this.timers.after(SILENCE_S, stop);
        this.failures = 0;
        if (this.take(parser, read.value) === "renew") return;
      }
      throw new ApiError("the stream ended");
    } finally {
      cancelSilence();
      signal.removeEventListener("abort", stop);
      own.abort();
    }
  }

  private take(parser: EventStreamParser, chunk: string): "renew" | "go on" {
    const events = parser.push(chunk);
    this.lastId = events.findLast((event) => event.id !== "")?.id ?? this.lastId;
    this.listener.heard(events.filter((event) => event.event === "latest").flatMap((event) => this.read(event.data)));
    const renew = events.some((event) => event.event === "end" && event.data === "login_expired");
    return renew ? "renew" : "go on";
  }

  private read(data: string): News[] {
    try {
      return [readNews(JSON.parse(data), "live")];
    } catch (error) {
      this.listener.unreadable(error);
      return [];
    }
  }

  private comeBack(error: unknown): void {
    if (error instanceof SignedOut || (error instanceof Refused && [403, 404].includes(error.status))) {
      this.listener.gaveUp(error);
      return;
    }
    this.failures += 1;
    const seconds = Math.max(waitS(this.failures, this.timers.random()), retryAfterS(error));
    this.cancelWait = this.timers.after(seconds, () => this.retryNow());
    this.listener.lost(error, seconds);
  }
}

function retryAfterS(error: unknown): number {
  return error instanceof Refused ? (error.retryAfterS ?? 0) : 0;
}
