/** Pages by path, so that each can be kept as a bookmark, sent to a colleague and gone back from. */

export type Route =
  | { page: "sites" }
  | { page: "site"; id: string }
  | { page: "site-channels"; id: string }
  | { page: "site-complete"; id: string; days: Days }
  | { page: "place"; id: string }
  | { page: "channel"; id: string; range: Range }
  | { page: "quarantine" }
  | { page: "unknown"; path: string };

export const RANGES = ["1h", "24h", "7d", "30d"] as const;
export type Range = (typeof RANGES)[number];

/** Whole weeks, so that they stand in rows of seven on a phone. */
export const DAYS = ["14", "28"] as const;
export type Days = (typeof DAYS)[number];

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
  }
  if (head === "sites" && id !== undefined && tail === "channels" && more.length === 0)
    return { page: "site-channels", id };
  if (head === "sites" && id !== undefined && tail === "complete" && more.length === 0)
    return { page: "site-complete", id, days: daysOf(query) };
  if (head === "quarantine" && id === undefined) return { page: "quarantine" };
  if (head === undefined || (head === "sites" && id === undefined)) return { page: "sites" };
  return { page: "unknown", path };
}

export const sitePath = (id: string) => `/sites/${encodeURIComponent(id)}`;
export const siteChannelsPath = (id: string) => `/sites/${encodeURIComponent(id)}/channels`;
export const siteCompletePath = (id: string, days?: Days) =>
  `/sites/${encodeURIComponent(id)}/complete${days === undefined ? "" : `?days=${days}`}`;
export const QUARANTINE_PATH = "/quarantine";
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

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
