/** The options of a uPlot chart: a mean line in its min–max band, gaps shaded, the time axis in the site's own time. */
import type uPlot from "uplot";
import { formatNumber } from "../readings/quantities";
import { ticks } from "../time/ticks";
import type { Zone } from "../time/zone";
import { isolated, type Span } from "./series";

export interface Palette {
  ink: string;
  line: string;
  band: string;
  grid: string;
  gap: string;
  bad: string;
}

/** A horizontal line that values are compared with; dashed where it is the one that lets an alert clear. */
export interface Level {
  value: number;
  dashed: boolean;
}

export interface PlotSettings {
  width: number;
  height: number;
  zone: Zone;
  unit: string;
  circular: boolean;
  palette: Palette;
  fromS: number;
  toS: number;
  gaps: readonly Span[];
  failures: readonly number[];
  /** What the values are compared with, and when they were found wanting. */
  levels?: readonly Level[];
  alarms?: readonly Span[];
  onCursor: (index: number | null) => void;
}

const MEAN = 3;
const FONT = "13px system-ui, sans-serif";
const PIXELS_PER_TICK = 64;
/** A flat line should look flat: the axis spans at least this share of the value, and this much. */
const LEAST_SPAN = { share: 0.01, units: 1 };

export function plotOptions(settings: PlotSettings): uPlot.Options {
  const { width, height, palette, onCursor } = settings;
  return {
    width,
    height,
    padding: [10, 10, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false, range: () => [settings.fromS, settings.toS] },
      y: {
        range: (_, low, high) => (settings.circular ? [0, 360] : padded(...reaching(low, high, settings.levels ?? []))),
      },
    },
    series: [{}, edge(), edge(), mean(settings)],
    bands: settings.circular ? [] : [{ series: [2, 1], fill: palette.band }],
    axes: [timeAxis(settings), valueAxis(settings)],
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: (_, series) => (series === MEAN ? 9 : 0), fill: palette.line },
    },
    hooks: {
      drawClear: [(plot) => shade(plot, settings.gaps, palette.gap), (plot) => shadeAlarms(plot, settings)],
      draw: [(plot) => drawLevels(plot, settings), (plot) => markFailures(plot, settings)],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
    },
  };
}

/** Some air above and below; null where there is nothing to scale to. */
export function padded(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const middle = (low + high) / 2;
  const least = Math.max(LEAST_SPAN.units, Math.abs(middle) * LEAST_SPAN.share);
  const half = (Math.max(high - low, least) / 2) * 1.12;
  return [middle - half, middle + half];
}

/** The span of values with the levels in it: how far a value is from one is what one looks for. */
export function reaching(
  low: number | null,
  high: number | null,
  levels: readonly Level[],
): [number | null, number | null] {
  const all = [low, high, ...levels.map(({ value }) => value)].filter((value) => value !== null);
  return all.length === 0 ? [null, null] : [Math.min(...all), Math.max(...all)];
}

function edge(): uPlot.Series {
  return { width: 0, points: { show: false }, spanGaps: false };
}

function mean({ palette, circular }: PlotSettings): uPlot.Series {
  const dots: uPlot.Series.Points = circular
    ? { show: true, size: 4, fill: palette.line, width: 0 }
    : { show: true, size: 5, fill: palette.line, width: 0, filter: (plot) => isolated(plot.data[MEAN] ?? []) };
  return { stroke: palette.line, width: circular ? 0 : 2, spanGaps: false, points: dots };
}

function timeAxis({ zone, palette, width, fromS, toS }: PlotSettings): uPlot.Axis {
  const marks = ticks(zone, fromS * 1000, toS * 1000, Math.max(3, Math.floor(width / PIXELS_PER_TICK)));
  return {
    stroke: palette.ink,
    font: FONT,
    size: 30,
    gap: 4,
    grid: { stroke: palette.grid, width: 1 },
    ticks: { stroke: palette.grid, width: 1, size: 5 },
    splits: () => marks.map(({ atMs }) => atMs / 1000),
    values: () => marks.map(({ label }) => label),
  };
}

function valueAxis({ palette, unit, circular }: PlotSettings): uPlot.Axis {
  return {
    stroke: palette.ink,
    font: FONT,
    size: (_, values) => 12 + 7.5 * Math.max(2, ...(values ?? []).map((value) => value.length)),
    grid: { stroke: palette.grid, width: 1 },
    ticks: { show: false },
    space: 36,
    ...(circular ? { splits: () => [0, 90, 180, 270, 360] } : {}),
    values: (_, splits) => splits.map((split) => formatNumber(split, unit, stepOf(splits))),
  };
}

function stepOf(splits: readonly number[]): number {
  const step = splits.length > 1 ? Math.abs(splits[1]! - splits[0]!) : 1;
  // 0.25 needs two decimals, 0.5 and 2.5 one, 5 none.
  return [1, 0.1, 0.01].find((unit) => Math.abs(step / unit - Math.round(step / unit)) < 1e-6) ?? 0.001;
}

function shade(plot: uPlot, spans: readonly Span[], colour: string): void {
  const { left, top, width, height } = plot.bbox;
  plot.ctx.save();
  plot.ctx.fillStyle = colour;
  for (const { fromS, toS } of spans) {
    const from = Math.max(left, plot.valToPos(fromS, "x", true));
    const to = Math.min(left + width, plot.valToPos(toS, "x", true));
    if (to > from) plot.ctx.fillRect(from, top, to - from, height);
  }
  plot.ctx.restore();
}

function shadeAlarms(plot: uPlot, { alarms, palette }: PlotSettings): void {
  plot.ctx.save();
  plot.ctx.globalAlpha = 0.13;
  shade(plot, alarms ?? [], palette.bad);
  plot.ctx.restore();
}

function drawLevels(plot: uPlot, { levels, palette }: PlotSettings): void {
  const { left, width } = plot.bbox;
  plot.ctx.save();
  plot.ctx.strokeStyle = palette.bad;
  plot.ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const { value, dashed } of levels ?? []) {
    const y = Math.round(plot.valToPos(value, "y", true));
    plot.ctx.setLineDash(dashed ? [6 * devicePixelRatio, 5 * devicePixelRatio] : []);
    plot.ctx.beginPath();
    plot.ctx.moveTo(left, y);
    plot.ctx.lineTo(left + width, y);
    plot.ctx.stroke();
  }
  plot.ctx.restore();
}

function markFailures(plot: uPlot, { failures, palette }: PlotSettings): void {
  const { left, top, width, height } = plot.bbox;
  const size = 4 * devicePixelRatio;
  plot.ctx.save();
  plot.ctx.fillStyle = palette.bad;
  for (const atS of failures) {
    const x = plot.valToPos(atS, "x", true);
    if (x >= left && x <= left + width) plot.ctx.fillRect(x - size / 2, top + height - size, size, size);
  }
  plot.ctx.restore();
}
