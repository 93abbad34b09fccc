/** Kinds of places, in the order in which a farmer looks at them. */
import type { Place } from "../api/entities";
import { sentence } from "./quantities";

const PLURALS: Record<string, string> = { bin: "Bins", cold_room: "Cold rooms", mast: "Weather" };
const ORDER = Object.keys(PLURALS);

export interface KindGroup {
  kind: string;
  title: string;
  places: Place[];
}

/** Places grouped by kind; a kind that this page does not know comes last, under its own name. */
export function byKind(places: readonly Place[]): KindGroup[] {
  const kinds = [...new Set(places.map((place) => place.kind))].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return kinds.map((kind) => ({
    kind,
    title: PLURALS[kind] ?? sentence(kind),
    places: places.filter((place) => place.kind === kind).sort(byTitle),
  }));
}

function rank(kind: string): number {
  const known = ORDER.indexOf(kind);
  return known < 0 ? ORDER.length : known;
}

function byTitle(a: Place, b: Place): number {
  return (a.title ?? a.slug).localeCompare(b.title ?? b.slug, "en", { numeric: true });
}
