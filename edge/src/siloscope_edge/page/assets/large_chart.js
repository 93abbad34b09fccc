/** The large chart of a channel: axes, gaps, failed readings, and the numbers under a finger. */
import { drawing, element, failures, gaps } from "./chart.js";
import { marksOf, numberOf, timeOf, valueOf } from "./shown.js";
import { say } from "./words.js";

/** @typedef {import("./words.js").Language} Language */
/** @typedef {import("./chart.js").Curve} Curve */
/** @typedef {import("./chart.js").Run} Run */
/** @typedef {import("./chart.js").Range} Range */
/** @typedef {{ stepS: number, agoS: number, circular: boolean, about: { unit: string, resolution: number | null }, language: Language, title: string }} About */

const WIDTH = 360;
const HEIGHT = 190;
const BOX = { left: 44, top: 8, width: WIDTH - 50, height: HEIGHT - 32 };
const HOUR_MS = 3_600_000;
const COMPASS = [0, 90, 180, 270, 360];

export class LargeChart {
  constructor() {
    this.element = document.createElement("div");
    this.element.className = "chart";
    this.words = document.createElement("p");
    this.words.className = "soft";
    this.picture = document.createElementNS(
      "http://www.w3.org/2000/svg",
      "svg",
    );
    this.picture.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.picture.setAttribute("role", "img");
    this.element.append(this.picture, this.words);
    /** @type {((x: number) => void) | null} */
    this.point = null;
    this.held = false;
    this.picture.addEventListener("pointermove", (event) =>
      this.touched(event),
    );
    this.picture.addEventListener("pointerdown", (event) =>
      this.touched(event),
    );
    this.picture.addEventListener("pointerleave", () => {
      this.held = false;
    });
  }

  /** Whether there are neither a chart nor words. */
  get isEmpty() {
    return this.words.textContent === "";
  }

  /** One that is a little old is better than none: everything around it says how old it is. */
  get hasPicture() {
    return this.picture.childElementCount > 0;
  }

  /** @param {PointerEvent} event */
  touched(event) {
    const { left, width } = this.picture.getBoundingClientRect();
    this.held = true;
    this.point?.(((event.clientX - left) / width) * WIDTH);
  }

  /** Words instead of a chart. @param {string} text */
  say(text) {
    this.picture.replaceChildren();
    this.picture.setAttribute("aria-label", text);
    this.words.textContent = text;
    this.point = null;
  }

  /** @param {Curve} curve @param {Run[]} runs @param {Range | null} range @param {About} about */
  draw(curve, runs, range, about) {
    if (this.held) return;
    const { language, about: channel } = about;
    if (range === null) {
      this.say(say(language, "chart_nothing"));
      return;
    }
    const cursor = element("path", { class: "cursor" });
    const axes = [
      ...valueAxis(range, about),
      ...timeAxis(curve.mean.length, about),
    ];
    const parts = [
      gaps(runs, curve.mean.length, BOX),
      ...axes,
      ...drawing(curve, runs, range, BOX, about.circular),
      failures(curve, BOX),
      cursor,
    ];
    this.picture.replaceChildren(...parts);
    const summary = summaryOf(curve, about);
    this.picture.setAttribute(
      "aria-label",
      `${say(language, "chart_of", { title: about.title })}: ${summary}`,
    );
    const hints = [
      /[4-7]/.test(curve.flags) ? "chart_failures" : "",
      /0/.test(curve.flags) ? "chart_gaps" : "",
    ];
    const told = hints
      .filter((each) => each !== "")
      .map((each) => say(language, each));
    this.words.textContent = [summary, ...told]
      .filter((each) => each !== "")
      .join(" · ");
    this.point = (x) => {
      const steps = curve.mean.length;
      const at = Math.max(
        0,
        Math.min(steps - 1, Math.floor(((x - BOX.left) / BOX.width) * steps)),
      );
      const middle = BOX.left + ((at + 0.5) / steps) * BOX.width;
      cursor.setAttribute(
        "d",
        `M${middle.toFixed(1)},${BOX.top}v${BOX.height}`,
      );
      const from = new Date(
        Date.now() - 1000 * (about.agoS - at * about.stepS),
      );
      const to = new Date(from.getTime() + 1000 * about.stepS);
      const value = wordsAt(curve, at, channel, language);
      this.words.textContent = say(language, "chart_point", {
        from: timeOf(from, language),
        to: timeOf(to, language),
        value,
      });
    };
  }
}

/** @param {Curve} curve @param {number} at @param {{ unit: string, resolution: number | null }} channel @param {Language} language */
function wordsAt(curve, at, { unit, resolution }, language) {
  const [least, mean, greatest] = [
    curve.least[at],
    curve.mean[at],
    curve.greatest[at],
  ];
  if (least == null || mean == null || greatest == null)
    return say(language, "chart_no_value");
  const value = valueOf(mean, unit, resolution, language);
  if (least === greatest) return value;
  const edge = (/** @type {number} */ each) =>
    numberOf(each, unit, resolution, language);
  return say(language, "chart_band", {
    value,
    least: edge(least),
    greatest: edge(greatest),
  });
}

/** @param {Curve} curve @param {About} about */
function summaryOf(curve, { about: { unit, resolution }, language, circular }) {
  const means = curve.mean.filter((each) => each !== null);
  if (circular) return "";
  const least = Math.min(...curve.least.filter((each) => each !== null));
  const greatest = Math.max(...curve.greatest.filter((each) => each !== null));
  const mean = means.reduce((sum, each) => sum + each, 0) / means.length;
  const value = (/** @type {number} */ each) =>
    valueOf(each, unit, resolution, language);
  return say(language, "chart_summary", {
    least: value(least),
    mean: value(mean),
    greatest: value(greatest),
  });
}

/** @param {Range} range @param {About} about */
function valueAxis(range, { about: { unit }, circular, language }) {
  const marks = circular ? COMPASS : marksOf(range.low, range.high);
  const step = Math.abs((marks[1] ?? 1) - (marks[0] ?? 0));
  return marks.flatMap((mark) => {
    const y =
      BOX.top +
      (1 - (mark - range.low) / (range.high - range.low)) * BOX.height;
    const text =
      unit === "B" || unit === "s"
        ? valueOf(mark, unit, step, language)
        : numberOf(mark, unit, step, language);
    return [
      element("path", {
        class: "grid",
        d: `M${BOX.left},${y.toFixed(1)}h${BOX.width}`,
      }),
      element(
        "text",
        { x: BOX.left - 5, y: (y + 4).toFixed(1), "text-anchor": "end" },
        text,
      ),
    ];
  });
}

/** Full hours by the clock of this device, every six. @param {number} steps @param {About} about */
function timeAxis(steps, { stepS, agoS, language }) {
  const now = Date.now();
  const from = now - 1000 * agoS;
  const to = from + 1000 * steps * stepS;
  const marks = [];
  const hour = new Date(from);
  hour.setMinutes(0, 0, 0);
  for (let at = hour.getTime(); at <= to; at += HOUR_MS) {
    const when = new Date(at);
    if (at < from || when.getHours() % 6 !== 0) continue;
    const x = BOX.left + ((at - from) / (to - from)) * BOX.width;
    marks.push(
      element("path", {
        class: "grid",
        d: `M${x.toFixed(1)},${BOX.top}v${BOX.height + 4}`,
      }),
    );
    if (x < WIDTH - 18)
      marks.push(
        element(
          "text",
          { x: x.toFixed(1), y: HEIGHT - 8, "text-anchor": "middle" },
          timeOf(when, language),
        ),
      );
  }
  return marks;
}
