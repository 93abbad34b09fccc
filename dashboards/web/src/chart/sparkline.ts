/** A small line without axes: the last day of a headline, as the `d` of an SVG path. */
import type { Columns } from "./series";

export interface Box {
  width: number;
  height: number;
}

/** Below this share of the window a line would be a mere stroke. */
const LEAST_SHARE = 0.05;

/** Null where what is known spans too little to show a course. A gap lifts the pen. */
export function sparkline([x, , , mean]: Columns, fromS: number, toS: number, box: Box): string | null {
  const known = mean.filter((value) => value !== null);
  if (known.length < 2 || x[x.length - 1]! - x[0]! < LEAST_SHARE * (toS - fromS)) return null;
  const low = Math.min(...known);
  const range = Math.max(...known) - low;
  let penIsDown = false;
  const steps = x.flatMap((at, index) => {
    const value = mean[index];
    if (value === null || value === undefined) {
      penIsDown = false;
      return [];
    }
    const left = ((at - fromS) / (toS - fromS)) * box.width;
    const top = range === 0 ? box.height / 2 : box.height - ((value - low) / range) * box.height;
    const step = `${penIsDown ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`;
    penIsDown = true;
    return [step];
  });
  return steps.join("");
}
