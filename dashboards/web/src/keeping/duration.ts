/** How long something is kept: as the API writes it, as a form has it, and what may not be. Pure. */
import { type Level, type Policy, SAMPLE_LEVELS } from "./entities";

export const UNITS = ["d", "w", "y", "forever"] as const;
export type Unit = (typeof UNITS)[number];

export interface Duration {
  amount: number | null;
  unit: Unit;
}

const DAYS = { d: 1, w: 7, y: 365.25 } as const;
const LONGEST_DAYS = 36_525;

/** The duration that the API wrote: `90d`, `2y`, `forever`. */
export function durationOf(keep: string): Duration {
  const found = /^(\d+)([dwy])$/.exec(keep);
  if (found === null) return { amount: null, unit: "forever" };
  return { amount: Number(found[1]), unit: UNITS.find((unit) => unit === found[2])! };
}

/** As the API reads it; null where it is none. */
export function keepOf({ amount, unit }: Duration): string | null {
  if (unit === "forever") return "forever";
  if (amount === null || !Number.isInteger(amount)) return null;
  const days = Math.ceil(amount * DAYS[unit]);
  return days >= 1 && days <= LONGEST_DAYS ? `${amount}${unit}` : null;
}

/** In days; for ever is more than any. */
export function daysOf(keep: string): number {
  const { amount, unit } = durationOf(keep);
  return unit === "forever" || amount === null ? Infinity : Math.ceil(amount * DAYS[unit]);
}

/** The other level that forbids it: averages are kept at least as long as what they are made of. */
export function inTheWay(policies: readonly Policy[], policy: Policy, keep: string): Policy | null {
  const at = rank(policy.level);
  if (at < 0) return null;
  const days = daysOf(keep);
  const wrong = policies.filter((other) => {
    const its = rank(other.level);
    if (other.retention_class !== policy.retention_class || its < 0 || its === at) return false;
    return its > at ? daysOf(other.keep) < days : daysOf(other.keep) > days;
  });
  return wrong[0] ?? null;
}

/** Whether a level is made of another one. */
export function isCoarser(one: Level, other: Level): boolean {
  return rank(one) > rank(other);
}

function rank(level: Level): number {
  return SAMPLE_LEVELS.findIndex((each) => each === level);
}
