/** Turns a series of the API into the columns that uPlot draws, with a hole wherever data is missing. */
import type { Series } from "../api/entities";
import { staleAfterS } from "../readings/freshness";

/** Seconds since the epoch, then minimum, maximum and mean; null breaks the line. */
export type Columns = [x: number[], min: Gappy, max: Gappy, mean: Gappy];
export type Gappy = (number | null)[];

export interface Span {
  fromS: number;
  toS: number;
}

/** Two neighbours further apart than this have a gap between them. */
export function gapAfterS(series: Pick<Series, "bucket_s">, intervalS: number | null): number {
  return Math.max(1.5 * (series.bucket_s ?? 0), staleAfterS(intervalS));
}

export function columns(series: Series, intervalS: number | null): Columns {
  const gapS = gapAfterS(series, intervalS);
  const [x, min, max, mean]: Columns = [[], [], [], []];
  for (const point of series.points) {
    const at = point.time / 1000;
    const last = x[x.length - 1];
    if (last !== undefined && at - last > gapS) {
      x.push((last + at) / 2);
      min.push(null);
      max.push(null);
      mean.push(null);
    }
    x.push(at);
    min.push(point.min);
    max.push(point.max);
    mean.push(point.mean);
  }
  return [x, min, max, mean];
}

/** Points with no neighbour to draw a line to: they need a dot, or they would not be seen at all. */
export function isolated(values: ArrayLike<number | null | undefined>): number[] {
  const missing = (index: number) => values[index] === null || values[index] === undefined;
  return Array.from({ length: values.length }, (_, index) => index).filter(
    (index) => !missing(index) && missing(index - 1) && missing(index + 1),
  );
}

/** The spans of the window in which nothing good was stored, the one up to its end included. */
export function gaps(series: Series, intervalS: number | null): Span[] {
  const gapS = gapAfterS(series, intervalS);
  const good = series.points.filter((point) => point.mean !== null).map((point) => point.time / 1000);
  const edges = [series.from / 1000, ...good, series.to / 1000];
  return edges.slice(1).flatMap((toS, index) => {
    const fromS = edges[index]!;
    return toS - fromS > gapS ? [{ fromS, toS }] : [];
  });
}

/** Where readings failed. */
export function failures(series: Series): number[] {
  return series.points.filter((point) => point.bad > 0).map((point) => point.time / 1000);
}

export interface Summary {
  lowest: { value: number; atMs: number };
  highest: { value: number; atMs: number };
  mean: number;
  readings: number;
}

/** Null where nothing good was stored. The mean weighs each point by its readings. */
export function summarise(series: Series): Summary | null {
  const good = series.points.flatMap(({ time, min, mean, max, count }) =>
    min === null || mean === null || max === null ? [] : [{ time, min, mean, max, count: Math.max(1, count) }],
  );
  if (good.length === 0) return null;
  const low = good.reduce((a, b) => (b.min < a.min ? b : a));
  const high = good.reduce((a, b) => (b.max > a.max ? b : a));
  const readings = good.reduce((sum, point) => sum + point.count, 0);
  return {
    lowest: { value: low.min, atMs: low.time },
    highest: { value: high.max, atMs: high.time },
    mean: good.reduce((sum, point) => sum + point.mean * point.count, 0) / readings,
    readings,
  };
}

/** How many readings failed, whether or not any was good. */
export function failedReadings(series: Pick<Series, "points">): number {
  return series.points.reduce((sum, point) => sum + point.bad, 0);
}

const ROLL_UPS = { m5: "five minutes", hour: "hours", day: "days" } as const;

/** What a file of the same span holds. */
export function contents(series: Pick<Series, "level">): string {
  if (series.level === "raw") return "Every reading of this span";
  return `This span by ${ROLL_UPS[series.level]}: lowest, mean, highest`;
}

/** What the points were made of, in small print. */
export function source(series: Pick<Series, "level" | "bucket_s" | "catching_up">): string {
  if (series.level !== "raw") {
    const drawn = `Drawn from roll-ups of ${ROLL_UPS[series.level]}`;
    return series.catching_up ? `${drawn}; late readings are still being added` : drawn;
  }
  return series.bucket_s === null ? "Every reading is drawn" : "Drawn from all readings";
}
