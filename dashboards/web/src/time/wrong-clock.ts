/** What is wrong with the clock of a computer at a site, in words that need no explanation. */
import type { WrongClock } from "../api/entities";
import { duration } from "./age";

/** For a tag: `Clock 2 min ahead`. */
export function clockShort(offsetS: number): string {
  return `Clock ${duration(Math.abs(offsetS))} ${offsetS > 0 ? "ahead" : "behind"}`;
}

/** What follows from it, for who must do something about it. */
export function clockLong({ kind, offset_s }: WrongClock): string {
  if (kind === "ahead") {
    return "Its readings are kept and drawn in charts, but none is shown as the newest until its clock is set right.";
  }
  const times = offset_s > 0 ? "later" : "older";
  return `Its clock was found wrong this week: what it measured since may bear ${times} times than it should.`;
}
