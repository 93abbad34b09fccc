/** Judges one reading: fresh, stale, failed, or never seen. A stale or failed one is never shown as if it were fresh. */
import type { Grade, Latest } from "../api/entities";

/** A reading together with when this page learnt of it. */
export interface Known extends Latest {
  /** `Elapsed.ms()` when it came in. */
  learntMs: number;
}

export type State = "live" | "stale" | "bad" | "never";

export interface Judgement {
  state: State;
  grade: Grade | null;
  ageS: number | null;
}

const LEAST_STALE_S = 120;
const UNKNOWN_INTERVAL_STALE_S = 15 * 60;

/** The age past which a reading is stale; the API counts by the same rule. */
export function staleAfterS(intervalS: number | null): number {
  return intervalS === null ? UNKNOWN_INTERVAL_STALE_S : Math.max(3 * intervalS, LEAST_STALE_S);
}

/**
 * Seconds since the sample was taken.
 *
 * The server's word plus the time since, or its clock less the sample's time, whichever is more: an answer that was long
 * on its way must not make a reading look younger.
 */
export function ageS(known: Known, elapsedMs: number, serverNowMs: number | null): number {
  const byWord = known.age_s + (elapsedMs - known.learntMs) / 1000;
  const byClock = serverNowMs === null ? byWord : (serverNowMs - known.time) / 1000;
  return Math.max(byWord, byClock);
}

export function judge(
  known: Known | null,
  intervalS: number | null,
  elapsedMs: number,
  serverNowMs: number | null,
): Judgement {
  if (known === null) return { state: "never", grade: null, ageS: null };
  const age = ageS(known, elapsedMs, serverNowMs);
  if (known.quality === "bad" || known.value === null) return { state: "bad", grade: "bad", ageS: age };
  return { state: age > staleAfterS(intervalS) ? "stale" : "live", grade: known.quality, ageS: age };
}

/** Whether `next` replaces `known`: the newest by sample time wins, whatever came last. */
export function supersedes(next: Latest, known: Known | undefined): boolean {
  return known === undefined || next.time >= known.time;
}
