/** What the chart of an alert shows: the time around its episode, the levels, and when it fired. Pure. */
import type { Level } from "../chart/plot";
import type { Span } from "../chart/series";
import type { Alert, Facts } from "./entities";
import { isBand } from "./words";

const HOUR_MS = 3_600_000;
const LONGEST_MS = 14 * 24 * HOUR_MS;

/** As long before it as it lasted, at least an hour; of a very long one the end. */
export function windowOf(alert: Pick<Alert, "began_at" | "ended_at">, nowMs: number): { fromMs: number; toMs: number } {
  const endMs = alert.ended_at ?? nowMs;
  const before = Math.max(HOUR_MS, endMs - alert.began_at);
  const toMs = alert.ended_at === null ? nowMs : Math.min(nowMs, endMs + Math.max(HOUR_MS / 2, before / 4));
  return { fromMs: Math.max(alert.began_at - before, toMs - LONGEST_MS), toMs };
}

/** From when it fired, or late data says that it should have, to its end. */
export function alarmsOf(
  alert: Pick<Alert, "began_at" | "fired_at" | "ended_at" | "retrospective">,
  nowMs: number,
): Span[] {
  const from = alert.retrospective ? alert.began_at : alert.fired_at;
  return from === null ? [] : [{ fromS: from / 1000, toS: (alert.ended_at ?? nowMs) / 1000 }];
}

/** Levels that can be drawn among the values: of other kinds they are of another size, such as a rise per day. */
export function levelsOf(facts: Facts, condition: unknown): Level[] {
  const of = thresholdOf(facts, condition);
  return [
    ...numbers(of.level).map((value) => ({ value, dashed: false })),
    ...numbers(of.clear).map((value) => ({ value, dashed: true })),
  ];
}

/** The channel whose course says most: the alert's own, or the one that mattered most when it changed last. */
export function channelIdOf(alert: Pick<Alert, "channel" | "facts">): string | null {
  const told = alert.facts["channel_id"];
  return alert.channel?.id ?? (typeof told === "number" || typeof told === "string" ? String(told) : null);
}

function thresholdOf(facts: Facts, condition: unknown): { level: unknown; clear: unknown } {
  if (facts["kind"] === "threshold") return { level: facts["level"], clear: facts["clear"] };
  const rule = typeof condition === "object" && condition !== null ? (condition as Facts) : {};
  const plain = rule["kind"] === "threshold" && (rule["reads"] ?? "value") === "value";
  if (facts["kind"] !== undefined || !plain) return { level: null, clear: null };
  return { level: rule["above"] ?? rule["below"] ?? rule["inside"] ?? rule["outside"], clear: rule["clear"] };
}

function numbers(level: unknown): number[] {
  return isBand(level) ? level : typeof level === "number" ? [level] : [];
}
