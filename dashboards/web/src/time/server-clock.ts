/**
 * The server's time, seen from a device whose own clock may be wrong.
 *
 * Every hint (the `Date` of an answer, a sample's time plus its age) is as old as its journey took, so each is a lower
 * bound and the latest-looking one is nearest to the truth. It is kept for a while only: a clock that was set, or a
 * sleep, must heal.
 */
import type { Elapsed } from "./elapsed";

const KEEP_MS = 120_000;

export class ServerClock {
  private best: { serverMs: number; atMs: number } | null = null;

  constructor(private readonly elapsed: Pick<Elapsed, "ms">) {}

  hint(serverMs: number): void {
    const atMs = this.elapsed.ms();
    const expired = this.best === null || atMs - this.best.atMs > KEEP_MS;
    if (expired || serverMs > this.nowMs()!) this.best = { serverMs, atMs };
  }

  /** A sample of which the server says how old it is. One from the future says nothing about the server's clock. */
  hintFromSample(timeMs: number, ageS: number): void {
    if (ageS > 0) this.hint(timeMs + ageS * 1000);
  }

  /** Epoch milliseconds; null until the server has said anything. */
  nowMs(): number | null {
    if (this.best === null) return null;
    return this.best.serverMs + this.elapsed.ms() - this.best.atMs;
  }

  /** Forget what was known, because the device slept or its clock was set. */
  forget(): void {
    if (this.best !== null) this.best.atMs = Number.NEGATIVE_INFINITY;
  }
}
