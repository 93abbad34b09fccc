/** How long to wait before the next try: doubling from one second to thirty, spread so that pages do not return at once. */

const FIRST_S = 1;
const MOST_S = 30;

/** `random` is in [0, 1); the wait is between half and the whole of the step. */
export function waitS(failures: number, random: number): number {
  const step = Math.min(MOST_S, FIRST_S * 2 ** Math.max(0, failures - 1));
  return step * (0.5 + random / 2);
}
