/** Rules and what they and silences are about, in words; what is not known here is told as it stands. Pure. */
import { formatNumber, unitSign } from "../readings/quantities";
import type { Facts } from "./entities";
import { isBand } from "./words";

/** Units of the quantities that rules are mostly about; a rule states none, a level is in the stored one. */
const UNITS: Record<string, string> = {
  temperature: "Cel",
  relative_humidity: "%RH",
  co2: "ppm",
  wind_speed: "m/s",
  air_pressure: "hPa",
};

const READS: Record<string, string> = {
  dew_point: "Cel",
  dew_point_depression: "Cel",
  delta_t: "Cel",
  vapour_pressure_deficit: "kPa",
  equilibrium_moisture: "%",
};

/** `above 30 °C`, `rises by 3 °C within 1d`, `(above 30 °C) and (no data for 3 intervals)`. */
export function conditionWords(condition: unknown, unit = ""): string {
  if (!isFacts(condition)) return "a condition";
  const inner = unitOf(condition, unit);
  switch (condition["kind"]) {
    case "all":
      return joined(condition, " and ", inner);
    case "any":
      return joined(condition, " or ", inner);
    case "not":
      return `not (${conditionWords(condition["condition"], inner)})`;
    default:
      return leafWords(condition, inner);
  }
}

/** The condition of a rule with its times: `above 30 °C for 30m`. */
export function ruleWords(document: Facts): string {
  const unit = selectedUnit(document["select"]);
  const hold = document["hold"];
  const held = typeof hold === "string" && !hold.startsWith("0") ? ` for ${spanWords(hold)}` : "";
  return conditionWords(document["condition"], unit) + held;
}

/** `bins · temperature`, or `everything`. */
export function selectorWords(selector: unknown): string {
  if (!isFacts(selector)) return "everything";
  const parts = Object.entries(selector).flatMap(([key, value]) => {
    if (value === false || isEmpty(value)) return [];
    if (value === true) return [FLAGS[key] ?? key];
    const words = Array.isArray(value) ? value.map(plain).join(", ") : isFacts(value) ? tagWords(value) : String(value);
    return [`${(NAMES[key] ?? key).replaceAll("_", " ")} ${words}`.trim()];
  });
  return parts.length === 0 ? "everything" : parts.join(" · ");
}

/** What a silence is about: rules, severities, labels and where. */
export function matcherWords(matcher: Facts): string {
  const { select, ...others } = matcher;
  const parts = [selectorWords(others), selectorWords(select)].filter((part) => part !== "everything");
  return parts.length === 0 ? "everything" : parts.join(" · ");
}

/** `30 min` for `30m`. */
export function spanWords(span: string): string {
  const found = /^(\d+)([smhdw])$/.exec(span);
  if (found === null) return span;
  const words: Record<string, string> = { s: "s", m: "min", h: "h", d: "d", w: "weeks" };
  return `${found[1]} ${found[2] === "w" && found[1] === "1" ? "week" : words[found[2]!]}`;
}

const NAMES: Record<string, string> = {
  place_kinds: "",
  quantities: "",
  sites: "site",
  nodes: "node",
  places: "place",
};
const FLAGS: Record<string, string> = { covered: "under the grain surface", vitals: "the computers themselves" };

function leafWords(condition: Facts, unit: string): string {
  const within = typeof condition["within"] === "string" ? ` within ${spanWords(condition["within"])}` : "";
  const what = quantities(condition["where"]);
  const words = KINDS[String(condition["kind"])]?.(condition, (level) => levelWords(level, unit), within);
  const reads = condition["reads"];
  const subject = typeof reads === "string" && reads !== "value" ? plain(reads) : what;
  return `${subject === "" ? "" : `${subject} `}${words ?? plain(String(condition["kind"]))}`;
}

type Words = (condition: Facts, level: (value: unknown) => string, within: string) => string;

const KINDS: Record<string, Words> = {
  threshold: (of, level) => given(of, level, ["above", "below", "inside", "outside"]),
  rate: (of, level, within) => given(of, (value) => `by ${level(value)}`, ["rises", "falls"]) + within,
  spread: (of, level) => `spread above ${level(of["above"])}`,
  deviation: (of, level) =>
    `differs from its neighbours by more than ${level(of["above"])}${of["side"] === "either" || of["side"] === undefined ? "" : ` (${String(of["side"])})`}`,
  no_data: (of) =>
    `nothing comes from a ${String(of["of"] ?? "channel")} for ${String(of["intervals"] ?? 3)} intervals`,
  stuck: (_of, _level, within) => `does not change${within}`,
  bad_share: (of, _level, within) => `more than ${percent(of["above"])} of readings are bad${within}`,
  forecast: (of, level, within) => `is heading ${given(of, level, ["above", "below"])}${within}`,
  unusual: (of) => `is outside its own usual range by more than ${percent(of["beyond"] ?? 0.2)} of it`,
  count: (of) =>
    `${of["at_least"] == null ? percent(of["share"]) : `at least ${String(of["at_least"])}`} channels ${plain(String(of["state"]))}`,
  platform: (of) => `${plain(String(of["metric"]))} above ${String(of["above"])}`,
};

function given(of: Facts, level: (value: unknown) => string, names: string[]): string {
  const name = names.find((each) => of[each] !== undefined && of[each] !== null);
  return name === undefined ? "" : `${name} ${level(of[name])}`;
}

function levelWords(level: unknown, unit: string): string {
  const sign = unitSign(unit) === "" ? "" : `\u00a0${unitSign(unit)}`;
  // A level is as somebody wrote it: 30, not 30.0.
  const number = (value: number) => (Number.isInteger(value) ? formatNumber(value, unit, 1) : String(value));
  if (isBand(level)) return `${number(level[0])} to ${number(level[1])}${sign}`;
  return typeof level === "number" ? number(level) + sign : String(level);
}

function joined(condition: Facts, word: string, unit: string): string {
  const parts = Array.isArray(condition["conditions"]) ? condition["conditions"] : [];
  return parts.map((part) => conditionWords(part, unit)).join(word);
}

function unitOf(condition: Facts, otherwise: string): string {
  const reads = condition["reads"];
  if (typeof reads === "string" && reads !== "value") return READS[reads] ?? "";
  return selectedUnit(condition["where"]) || otherwise;
}

function selectedUnit(selector: unknown): string {
  const found = isFacts(selector) && Array.isArray(selector["quantities"]) ? selector["quantities"] : [];
  return found.length === 1 ? (UNITS[String(found[0])] ?? "") : "";
}

function quantities(selector: unknown): string {
  const found = isFacts(selector) && Array.isArray(selector["quantities"]) ? selector["quantities"] : [];
  return found.map(plain).join(" or ");
}

function tagWords(tags: Facts): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key} = ${String(value)}`)
    .join(", ");
}

function percent(share: unknown): string {
  return typeof share === "number" ? `${Math.round(share * 100)} %` : String(share);
}

function plain(slug: unknown): string {
  return String(slug).replaceAll("_", " ");
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function isFacts(value: unknown): value is Facts {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
