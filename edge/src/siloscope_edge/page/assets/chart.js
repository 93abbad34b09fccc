/** Charts of 24 hours as SVG: the mean as a line in the band from least to greatest; where nothing was, nothing is drawn. */

/**
 * One channel as `/history.json` has it.
 * @typedef {object} Curve
 * @property {string} key
 * @property {(number | null)[]} least
 * @property {(number | null)[]} mean
 * @property {(number | null)[]} greatest
 * @property {string} flags per step: 1 good, 2 uncertain, 4 failed, added; 0 nothing read
 */

/** @typedef {{ from: number, to: number }} Run steps from and up to, without, the second */
/** @typedef {{ low: number, high: number }} Range */

const SVG = "http://www.w3.org/2000/svg";
const FAILED = 4;
/** A flat line should look flat: the axis spans at least this share of the value. */
const LEAST_SHARE = 0.01;
const LEAST_STEPS = 10;

/**
 * Stretches of steps that have a value.
 * @param {(number | null)[]} values
 * @returns {Run[]}
 */
export function runsOf(values) {
  /** @type {Run[]} */
  const runs = [];
  let from = -1;
  for (let at = 0; at <= values.length; at += 1) {
    const has = at < values.length && values[at] !== null;
    if (has && from < 0) from = at;
    if (!has && from >= 0) {
      runs.push({ from, to: at });
      from = -1;
    }
  }
  return runs;
}

/**
 * Joins runs that only the rhythm of reading tears apart: a device that is read every 5 min leaves 4 of 5 minutes empty.
 * @param {Run[]} runs
 * @param {number} most steps that may lie between
 * @param {(at: number) => boolean} failed whether a reading failed in a step: then it was no rhythm
 * @returns {Run[]}
 */
export function joined(runs, most, failed) {
  /** @type {Run[]} */
  const found = [];
  for (const run of runs) {
    const last = found.at(-1);
    const between =
      last === undefined
        ? []
        : Array.from({ length: run.from - last.to }, (_, at) => last.to + at);
    if (last !== undefined && between.length <= most && !between.some(failed))
      last.to = run.to;
    else found.push({ ...run });
  }
  return found;
}

/**
 * @param {Curve} curve
 * @param {boolean} circular
 * @param {number | null} [resolution] a flat line spans some steps of it
 * @returns {Range | null}
 */
export function rangeOf(curve, circular, resolution = null) {
  if (circular) return { low: 0, high: 360 };
  const low = Math.min(...curve.least.filter((each) => each !== null));
  const high = Math.max(...curve.greatest.filter((each) => each !== null));
  if (!Number.isFinite(low) || !Number.isFinite(high)) return null;
  const middle = (low + high) / 2;
  const least = Math.max(
    Math.abs(middle) * LEAST_SHARE,
    (resolution ?? 0) * LEAST_STEPS,
    1e-6,
  );
  const half = (Math.max(high - low, least) / 2) * 1.12;
  return { low: middle - half, high: middle + half };
}

/**
 * The drawing of a curve in a box.
 * @param {Curve} curve
 * @param {Run[]} runs
 * @param {Range} range
 * @param {{ left: number, top: number, width: number, height: number }} box
 * @param {boolean} circular directions: no line leads from 359 to 1
 * @returns {SVGElement[]}
 */
export function drawing(curve, runs, range, box, circular) {
  const steps = curve.mean.length;
  const x = (/** @type {number} */ at) =>
    box.left + ((at + 0.5) / steps) * box.width;
  const y = (/** @type {number} */ value) =>
    box.top + (1 - (value - range.low) / (range.high - range.low)) * box.height;
  const point = (/** @type {number} */ at, /** @type {number} */ value) =>
    `${x(at).toFixed(1)},${y(value).toFixed(1)}`;
  /** @type {string[]} */
  const band = [];
  /** @type {string[]} */
  const line = [];
  for (const run of runs) {
    /** @type {string[]} */
    const up = [];
    /** @type {string[]} */
    const down = [];
    /** @type {string[]} */
    const mean = [];
    for (let at = run.from; at < run.to; at += 1) {
      const [least, middle, greatest] = [
        curve.least[at],
        curve.mean[at],
        curve.greatest[at],
      ];
      if (least == null || middle == null || greatest == null) continue;
      up.push(point(at, greatest));
      down.unshift(point(at, least));
      mean.push(point(at, middle));
    }
    if (mean.length === 1 || circular)
      line.push(...mean.map((each) => `M${each}h0.01`));
    else line.push(`M${mean.join("L")}`);
    if (mean.length > 1 && !circular)
      band.push(`M${up.join("L")}L${down.join("L")}Z`);
  }
  return [
    element("path", { class: "band", d: band.join("") }),
    element("path", {
      class: circular ? "line dots" : "line",
      d: line.join(""),
    }),
  ];
}

/**
 * Ticks where readings failed.
 * @param {Curve} curve
 * @param {{ left: number, top: number, width: number, height: number }} box
 * @returns {SVGElement}
 */
export function failures(curve, box) {
  const width = box.width / curve.flags.length;
  let d = "";
  for (let at = 0; at < curve.flags.length; at += 1) {
    if (!failedAt(curve, at)) continue;
    let to = at + 1;
    while (to < curve.flags.length && failedAt(curve, to)) to += 1;
    d += `M${(box.left + at * width).toFixed(1)},${box.top + box.height - 3}h${Math.max(1, (to - at) * width).toFixed(1)}v3h-${Math.max(1, (to - at) * width).toFixed(1)}z`;
    at = to;
  }
  return element("path", { class: "failed", d });
}

/**
 * Where nothing is drawn, from the first value on.
 * @param {Run[]} runs
 * @param {number} steps
 * @param {{ left: number, top: number, width: number, height: number }} box
 * @returns {SVGElement}
 */
export function gaps(runs, steps, box) {
  const ends = [0, ...runs.map((run) => run.to)];
  const starts = [...runs.map((run) => run.from), steps];
  let d = "";
  ends.forEach((from, at) => {
    const to = starts[at] ?? steps;
    if (to - from < 1) return;
    const left = box.left + (from / steps) * box.width;
    const width = ((to - from) / steps) * box.width;
    d += `M${left.toFixed(1)},${box.top}h${width.toFixed(1)}v${box.height}h-${width.toFixed(1)}z`;
  });
  return element("path", { class: "gap", d });
}

/**
 * @param {Curve} curve
 * @param {number} at
 */
export function failedAt(curve, at) {
  return (Number(curve.flags[at] ?? 0) & FAILED) !== 0;
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 * @returns {SVGElement}
 */
export function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes))
    made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}
