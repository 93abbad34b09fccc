/** Pages by path, so that each can be kept as a bookmark, sent to a colleague and gone back from. */

export type Route =
  | { page: "sites" }
  | { page: "site"; id: string }
  | { page: "site-channels"; id: string }
  | { page: "site-complete"; id: string; days: Days }
  | { page: "place"; id: string }
  | { page: "channel"; id: string; range: Range }
  | { page: "quarantine" }
  | { page: "keeping" }
  | { page: "alerts"; wanted: WantedAlerts }
  | { page: "alert"; id: string }
  | { page: "rules" }
  | { page: "silences"; about: SilenceSubject }
  | { page: "unknown"; path: string };

export const RANGES = ["1h", "24h", "7d", "30d"] as const;
export type Range = (typeof RANGES)[number];

/** Whole weeks, so that they stand in rows of seven on a phone. */
export const DAYS = ["14", "28"] as const;
export type Days = (typeof DAYS)[number];

export const SHOWN_ALERTS = ["open", "over", "all"] as const;
export type ShownAlerts = (typeof SHOWN_ALERTS)[number];

/** What the list of alerts is narrowed to; empty means any. */
export interface WantedAlerts {
  show: ShownAlerts;
  severity: string;
  site: string;
  rule: string;
}

/** What a new silence would be about, by slugs; empty means any. */
export interface SilenceSubject {
  rule: string;
  site: string;
  place: string;
}

/** Pure: the route of an address. */
export function routeOf(path: string, query: string): Route {
  const [head, id, tail, ...more] = path
    .split("/")
    .filter((part) => part !== "")
    .map(decode);
  if (more.length === 0 && id !== undefined && tail === undefined) {
    if (head === "sites") return { page: "site", id };
    if (head === "places") return { page: "place", id };
    if (head === "channels") return { page: "channel", id, range: rangeOf(query) };
    if (head === "alerts") return { page: "alert", id };
  }
  if (head === "sites" && id !== undefined && tail === "channels" && more.length === 0)
    return { page: "site-channels", id };
  if (head === "sites" && id !== undefined && tail === "complete" && more.length === 0)
    return { page: "site-complete", id, days: daysOf(query) };
  if (id === undefined) {
    if (head === "quarantine") return { page: "quarantine" };
    if (head === "keeping") return { page: "keeping" };
    if (head === "alerts") return { page: "alerts", wanted: wantedOf(query) };
    if (head === "rules") return { page: "rules" };
    if (head === "silences") return { page: "silences", about: subjectOf(query) };
  }
  if (head === undefined || (head === "sites" && id === undefined)) return { page: "sites" };
  return { page: "unknown", path };
}

export const sitePath = (id: string) => `/sites/${encodeURIComponent(id)}`;
export const siteChannelsPath = (id: string) => `/sites/${encodeURIComponent(id)}/channels`;
export const siteCompletePath = (id: string, days?: Days) =>
  `/sites/${encodeURIComponent(id)}/complete${days === undefined ? "" : `?days=${days}`}`;
export const QUARANTINE_PATH = "/quarantine";
export const KEEPING_PATH = "/keeping";
export const ALERTS_PATH = "/alerts";
export const RULES_PATH = "/rules";
export const alertsPath = (wanted: Partial<WantedAlerts>) =>
  ALERTS_PATH + queryOf({ ...wanted, show: wanted.show === "open" ? "" : wanted.show });
export const alertPath = (id: string) => `/alerts/${encodeURIComponent(id)}`;
export const silencesPath = (about: Partial<SilenceSubject> = {}) => `/silences${queryOf({ ...about })}`;
export const placePath = (id: string) => `/places/${encodeURIComponent(id)}`;
export const channelPath = (id: string, range?: Range) =>
  `/channels/${encodeURIComponent(id)}${range === undefined ? "" : `?range=${range}`}`;

function rangeOf(query: string): Range {
  const wanted = new URLSearchParams(query).get("range");
  return RANGES.find((range) => range === wanted) ?? "24h";
}

function daysOf(query: string): Days {
  const wanted = new URLSearchParams(query).get("days");
  return DAYS.find((days) => days === wanted) ?? "14";
}

function wantedOf(query: string): WantedAlerts {
  const given = new URLSearchParams(query);
  const word = (name: string) => given.get(name) ?? "";
  const show = SHOWN_ALERTS.find((each) => each === word("show")) ?? "open";
  return { show, severity: word("severity"), site: word("site"), rule: word("rule") };
}

function subjectOf(query: string): SilenceSubject {
  const given = new URLSearchParams(query);
  return { rule: given.get("rule") ?? "", site: given.get("site") ?? "", place: given.get("place") ?? "" };
}

/** Only what says something, so that two addresses of one page are one. */
function queryOf(parts: Record<string, string | undefined>): string {
  const given = Object.entries(parts).filter(
    (part): part is [string, string] => part[1] !== undefined && part[1] !== "",
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
