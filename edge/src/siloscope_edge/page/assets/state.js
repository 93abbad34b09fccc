/** Judges one reading: live, stale, failed, or never seen. A stale or failed one is never shown as if it were fresh. */

/** @typedef {"live" | "stale" | "bad" | "never"} State */

/**
 * @param {{ value: number | null, quality: string | null }} reading
 * @param {number | null} ageS
 * @param {number} staleAfterS
 * @returns {State}
 */
export function stateOf({ value, quality }, ageS, staleAfterS) {
  if (ageS === null || quality === null) return "never";
  if (ageS > staleAfterS) return "stale";
  return value === null ? "bad" : "live";
}
