/** How numbers, units, ages and sizes are written. Nothing here knows of the page. */

/** @typedef {import("./words.js").Language} Language */

/** SenML's unit symbols as people write them. @type {Record<string, string>} */
const SIGNS = {
  Cel: "°C",
  "%RH": "%",
  "%EL": "%",
  deg: "°",
  "W/m2": "W/m²",
  "ug/m3": "µg/m³",
  "/": "",
  count: "",
};

/** Decimals where a channel states no resolution. @type {Record<string, number>} */
const DECIMALS = {
  Cel: 1,
  "%RH": 0,
  ppm: 0,
  hPa: 1,
  deg: 0,
  "m/s": 1,
  W: 0,
  V: 0,
  Hz: 1,
  A: 2,
  kWh: 1,
  mm: 1,
  count: 0,
};

const SHORT = {
  en: { s: "s", min: "min", h: "h", d: "d" },
  uk: { s: "с", min: "хв", h: "год", d: "дн" },
};
const SIZES = {
  en: ["B", "kB", "MB", "GB", "TB"],
  uk: ["Б", "кБ", "МБ", "ГБ", "ТБ"],
};
const LOCALES = { en: "en-GB", uk: "uk-UA" };
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/**
 * `21.4`, with the decimals of the channel's resolution, at most four.
 * @param {number} value
 * @param {string} unit
 * @param {number | null} resolution
 * @param {Language} language
 */
export function numberOf(value, unit, resolution, language) {
  const decimals =
    decimalsOf(resolution) ?? DECIMALS[unit] ?? (Math.abs(value) < 10 ? 2 : 1);
  // Adding 0 turns the -0 that rounding leaves into 0.
  const rounded = Number(value.toFixed(decimals)) + 0;
  const digits = {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  };
  return new Intl.NumberFormat(LOCALES[language], digits)
    .format(rounded)
    .replaceAll(",", language === "en" ? "\u202f" : ",")
    .replace("-", "\u2212");
}

/**
 * `21.4 °C`; bytes and seconds in words that a glance takes in.
 * @param {number} value
 * @param {string} unit
 * @param {number | null} resolution
 * @param {Language} language
 */
export function valueOf(value, unit, resolution, language) {
  if (unit === "B") return sizeOf(value, language);
  if (unit === "s" && value >= 0 && (resolution ?? 1) >= 1)
    return ageOf(value, language);
  const sign = SIGNS[unit] ?? unit;
  const gap = sign === "" || sign === "°" ? "" : "\u00a0";
  return `${numberOf(value, unit, resolution, language)}${gap}${sign}`;
}

/**
 * `5 s`, `3 min`, `2 h 5 min`, `3 d 4 h`. Rounds down: 59.9 s is not yet a minute.
 * @param {number} seconds
 * @param {Language} language
 */
export function ageOf(seconds, language) {
  const s = Math.max(0, Math.floor(seconds));
  const short = SHORT[language];
  if (s < MINUTE_S) return `${s}\u00a0${short.s}`;
  if (s < HOUR_S) return `${Math.floor(s / MINUTE_S)}\u00a0${short.min}`;
  if (s < DAY_S) return two(s, HOUR_S, short.h, MINUTE_S, short.min);
  return two(s, DAY_S, short.d, HOUR_S, short.h);
}

/**
 * `34 ms`, `1.2 s`: how long an answer took.
 * @param {number} seconds
 * @param {Language} language
 */
export function shortTimeOf(seconds, language) {
  const short = SHORT[language].s;
  if (seconds < 1)
    return `${Math.max(1, Math.round(seconds * 1000))}\u00a0${language === "uk" ? "мс" : "ms"}`;
  return `${numberOf(seconds, "", 0.1, language)}\u00a0${short}`;
}

/**
 * `1.4 GB`, in thousands.
 * @param {number} bytes
 * @param {Language} language
 */
export function sizeOf(bytes, language) {
  const names = SIZES[language];
  let at = 0;
  let value = bytes;
  while (value >= 999.5 && at < names.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${numberOf(value, "", at === 0 || value >= 99.5 ? 1 : 0.1, language)}\u00a0${names[at] ?? ""}`;
}

/**
 * `14:05`, or `14:05:09`, by the clock of this device.
 * @param {Date} at
 * @param {Language} language
 * @param {boolean} [withSeconds]
 */
export function timeOf(at, language, withSeconds = false) {
  /** @type {Intl.DateTimeFormatOptions} */
  const parts = {
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
    ...(withSeconds ? { second: "2-digit" } : {}),
  };
  return new Intl.DateTimeFormat(LOCALES[language], parts).format(at);
}

/**
 * Round marks for an axis from `low` to `high`, some four of them.
 * @param {number} low
 * @param {number} high
 * @returns {number[]}
 */
export function marksOf(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step =
    [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ??
    rough;
  const marks = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at += 1)
    marks.push(at * step);
  return marks;
}

/** @param {number | null} resolution */
function decimalsOf(resolution) {
  if (resolution === null || resolution <= 0) return null;
  return Math.min(4, Math.max(0, Math.ceil(-Math.log10(resolution) - 1e-9)));
}

/**
 * @param {number} s
 * @param {number} large
 * @param {string} largeName
 * @param {number} small
 * @param {string} smallName
 */
function two(s, large, largeName, small, smallName) {
  const rest = Math.floor((s % large) / small);
  const head = `${Math.floor(s / large)}\u00a0${largeName}`;
  return rest === 0 ? head : `${head} ${rest}\u00a0${smallName}`;
}
