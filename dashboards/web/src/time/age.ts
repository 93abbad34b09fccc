/** Ages in words that a glance can take in. */

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** `5 s`, `3 min`, `2 h 5 min`, `3 d 4 h`. Rounds down: 59.9 s is not yet a minute. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < MINUTE_S) return `${s} s`;
  if (s < HOUR_S) return `${Math.floor(s / MINUTE_S)} min`;
  if (s < DAY_S) return two(s, HOUR_S, "h", MINUTE_S, "min");
  return two(s, DAY_S, "d", HOUR_S, "h");
}

/** `5 s ago`; an instant ahead of the server's clock is called what it is. */
export function ago(seconds: number): string {
  if (seconds < -FUTURE_TOLERANCE_S) return `${duration(-seconds)} ahead of the clock`;
  return `${duration(seconds)} ago`;
}

/** ISO 8601 for `<time datetime>`; whole seconds. */
export function isoDuration(seconds: number): string {
  return `PT${Math.max(0, Math.floor(seconds))}S`;
}

const FUTURE_TOLERANCE_S = 60;

function two(s: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((s % large) / small);
  const head = `${Math.floor(s / large)} ${largeName}`;
  return rest === 0 ? head : `${head} ${rest} ${smallName}`;
}
