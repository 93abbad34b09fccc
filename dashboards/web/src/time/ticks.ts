/** Where a chart's time axis has its marks: round hours and midnights of the site's own clock, across clock changes. */
import type { Zone } from "./zone";

export interface Tick {
  atMs: number;
  label: string;
  /** Starts a day: drawn stronger. */
  midnight: boolean;
}

const MINUTE_STEPS = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720];
const DAY_STEPS = [1, 2, 5, 7, 10, 15];
const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;

/** At most `most` ticks in [fromMs, toMs]; a span of up to three days is told by the clock, a longer one in days. */
export function ticks(zone: Zone, fromMs: number, toMs: number, most: number): Tick[] {
  const span = toMs - fromMs;
  if (span <= 3 * DAY_MS) {
    const minutes = MINUTE_STEPS.find((step) => span / (step * MINUTE_MS) <= most);
    if (minutes !== undefined) return within(clockTicks(zone, fromMs, toMs, minutes), fromMs, toMs);
  }
  const days = DAY_STEPS.find((step) => span / (step * DAY_MS) <= most) ?? Math.ceil(span / DAY_MS / most);
  return within(dayTicks(zone, fromMs, toMs, days), fromMs, toMs);
}

function clockTicks(zone: Zone, fromMs: number, toMs: number, step: number): Tick[] {
  return midnights(zone, fromMs, toMs).flatMap(({ year, month, day }) => {
    const minutes = Array.from({ length: 1440 / step }, (_, index) => index * step);
    return minutes.map((minute) => {
      const atMs = zone.instant(year, month, day, 0, minute);
      const midnight = minute === 0;
      return { atMs, midnight, label: midnight ? zone.weekday(atMs) : zone.clock(atMs) };
    });
  });
}

function dayTicks(zone: Zone, fromMs: number, toMs: number, step: number): Tick[] {
  // Counted back from the newest day, so that today always has its mark.
  const days = midnights(zone, fromMs, toMs).reverse();
  const kept = days.filter((_, index) => index % step === 0).reverse();
  return kept.map(({ atMs }) => ({ atMs, midnight: true, label: step === 1 ? zone.weekday(atMs) : zone.date(atMs) }));
}

function midnights(zone: Zone, fromMs: number, toMs: number) {
  const first = zone.localTime(fromMs);
  const count = Math.ceil((toMs - fromMs) / DAY_MS) + 2;
  return Array.from({ length: count }, (_, index) => {
    // Date.UTC only carries the calendar on (32 October = 1 November); the zone finds the instant.
    const date = new Date(Date.UTC(first.year, first.month - 1, first.day + index));
    const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
    return { year, month, day, atMs: zone.instant(year, month, day) };
  }).filter(({ atMs }) => atMs <= toMs);
}

function within(all: Tick[], fromMs: number, toMs: number): Tick[] {
  const distinct = all.filter((tick, index) => index === 0 || tick.atMs > all[index - 1]!.atMs);
  return distinct.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
}
