/** What a fan's meter says about the fan. */
import type { Known } from "./freshness";

/** A meter and its contactor draw a few watts, the smallest aeration fan several hundred. */
const RUNNING_FROM_W = 50;

export function fanNote(power: Known | null): string {
  if (power === null || power.value === null || power.quality === "bad") return "";
  return power.value >= RUNNING_FROM_W ? "Running" : "Not running";
}
