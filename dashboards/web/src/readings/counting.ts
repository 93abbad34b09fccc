/** Counts channels by what they are worth, as the API does for places and sites. */
import type { State } from "./freshness";

export interface Counted {
  reporting: number;
  stale: number;
  bad: number;
}

export function count(states: readonly State[]): Counted {
  const of = (wanted: State) => states.filter((state) => state === wanted).length;
  return { reporting: of("live"), stale: of("stale"), bad: of("bad") };
}
