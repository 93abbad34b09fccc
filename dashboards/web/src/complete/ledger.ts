/** Adds up what the API says of groups into what a page shows: a line a place, a day a square. */
import type { CompletenessItem, Gap, LedgerDay } from "../api/entities";
import { causeLong, type Kind, kindOf, worst } from "./causes";

export interface DaySum {
  day: string;
  expected: number | null;
  stored: number;
  /** Of the stored: nobody said that they would come. */
  beside: number;
  late: number;
  conflicts: number;
  missing: Record<string, number>;
  bad: Record<string, number>;
}

export interface Line {
  key: string;
  title: string;
  kind: "place" | "device";
  days: DaySum[];
}

export function emptyDay(day: string): DaySum {
  return { day, expected: null, stored: 0, beside: 0, late: 0, conflicts: 0, missing: {}, bad: {} };
}

export function added(sum: DaySum, more: LedgerDay | DaySum): DaySum {
  return {
    day: sum.day,
    expected: more.expected === null ? sum.expected : (sum.expected ?? 0) + more.expected,
    stored: sum.stored + more.stored,
    beside: sum.beside + besideOf(more),
    late: sum.late + more.late,
    conflicts: sum.conflicts + more.conflicts,
    missing: merged(sum.missing, more.missing),
    bad: merged(sum.bad, more.bad),
  };
}

/** Of a group whose interval nobody knows nothing is expected; of others, what comes more often than announced. */
function besideOf(day: LedgerDay | DaySum): number {
  if ("beside" in day) return day.beside;
  return day.expected === null ? day.stored : day.surplus;
}

export function missingOf(day: DaySum): number {
  return Object.values(day.missing).reduce((sum, count) => sum + count, 0);
}

export function kindOfDay(day: DaySum): Kind {
  if (day.expected === null && day.stored === 0 && missingOf(day) === 0) return "nothing";
  return worst([day.expected === null ? "uncounted" : "here", ...Object.keys(day.missing).map(kindOf)]);
}

/** One line a place, and one for each device that stands in none; each with all the days. */
export function lines(items: readonly CompletenessItem[], days: readonly string[]): Line[] {
  const found = new Map<string, { title: string; kind: Line["kind"]; days: Map<string, DaySum> }>();
  for (const { subject, days: known } of items) {
    const homes =
      subject.places.length > 0
        ? subject.places.map((place) => ({ key: `p${place.id}`, title: place.title, kind: "place" as const }))
        : [
            {
              key: `d${subject.device_id}`,
              title: subject.device_title ?? subject.device_slug,
              kind: "device" as const,
            },
          ];
    for (const { key, title, kind } of homes) {
      const line = found.get(key) ?? { title, kind, days: new Map<string, DaySum>() };
      found.set(key, line);
      for (const each of known) line.days.set(each.day, added(line.days.get(each.day) ?? emptyDay(each.day), each));
    }
  }
  return [...found]
    .map(([key, line]) => ({
      key,
      title: line.title,
      kind: line.kind,
      days: days.map((day) => line.days.get(day) ?? emptyDay(day)),
    }))
    .sort((a, b) => (a.kind === b.kind ? collator.compare(a.title, b.title) : a.kind === "place" ? -1 : 1));
}

/** All days of all groups in one. */
export function total(items: readonly CompletenessItem[], days: readonly string[]): DaySum {
  const shown = new Set(days);
  return items
    .flatMap((item) => item.days)
    .filter((day) => shown.has(day.day))
    .reduce<DaySum>(added, emptyDay(""));
}

/** `99.9` of what was expected: never 100 while anything is missing; null where nothing was. */
export function percentHere(day: DaySum): string | null {
  const missing = missingOf(day);
  const here = day.stored - day.beside;
  if (here + missing === 0) return null;
  if (missing === 0) return "100";
  return (Math.floor((here / (here + missing)) * 1000) / 10).toFixed(1);
}

/** What there is to say of a day or a line, worst first: one sentence each. */
export function sentences(day: DaySum, words: (reason: string) => string): string[] {
  const causes = Object.entries(day.missing).sort(([, a], [, b]) => b - a);
  const bad = Object.entries(day.bad).sort(([, a], [, b]) => b - a);
  return [
    ...causes.map(([cause, count]) => `${counted(count)} ${causeLong(cause)}.`),
    ...bad.map(([reason, count]) => `${counted(count)} single readings failed: ${lowered(words(reason))}.`),
    ...(day.late > 0 ? [`${counted(day.late)} came late, and are here.`] : []),
    ...(day.beside > 0 ? [`${counted(day.beside)} are here ${BESIDE}.`] : []),
    ...(day.conflicts > 0 ? [`${counted(day.conflicts)} came twice with different values.`] : []),
  ];
}

const BESIDE = "beside what was expected: nobody said how often these are read, or they are read more often than said";

export interface GapCluster {
  cause: string;
  fromMs: number;
  toMs: number;
  samples: number;
  titles: string[];
}

/** Instruments that miss the same span for the same cause make one entry: one cause, one message. */
export function clusters(gaps: readonly Gap[]): GapCluster[] {
  const found: (GapCluster & { slackMs: number })[] = [];
  for (const gap of gaps) {
    const slackMs = 2000 * gap.interval_s;
    const titles = whereOf(gap);
    const same = found.find(
      (each) =>
        each.cause === gap.cause &&
        Math.abs(each.fromMs - gap.from) <= Math.max(slackMs, each.slackMs) &&
        Math.abs(each.toMs - gap.to) <= Math.max(slackMs, each.slackMs),
    );
    if (same === undefined) {
      found.push({ cause: gap.cause, fromMs: gap.from, toMs: gap.to, samples: gap.samples, titles, slackMs });
      continue;
    }
    same.fromMs = Math.min(same.fromMs, gap.from);
    same.toMs = Math.max(same.toMs, gap.to);
    same.samples += gap.samples;
    same.titles = [...new Set([...same.titles, ...titles])];
  }
  return found.map(({ slackMs: _, ...cluster }) => ({
    ...cluster,
    titles: cluster.titles.sort((a, b) => collator.compare(a, b)),
  }));
}

/** `Bin 1, Bin 2 and 3 more` */
export function listed(titles: readonly string[], most = 3): string {
  if (titles.length <= most) return titles.join(", ");
  return `${titles.slice(0, most - 1).join(", ")} and ${titles.length - most + 1} more`;
}

/** The local dates that end with one, oldest first: `2026-03-01`. */
export function daysUpTo(last: { year: number; month: number; day: number }, count: number): string[] {
  return Array.from({ length: count }, (_, at) =>
    new Date(Date.UTC(last.year, last.month - 1, last.day - count + 1 + at)).toISOString().slice(0, 10),
  );
}

/** `Sun 1 Mar` of a local date, whatever zone the browser is in. */
export function dateInWords(day: string): string {
  return new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }).format(
    Date.parse(`${day}T00:00:00Z`),
  );
}

export function counted(count: number): string {
  return count.toLocaleString("en-GB").replaceAll(",", " ");
}

const collator = new Intl.Collator("en", { numeric: true });

function whereOf(gap: Gap): string[] {
  const { places, device_title, device_slug } = gap.subject;
  return places.length > 0 ? places.map((place) => place.title) : [device_title ?? device_slug];
}

function merged(one: Record<string, number>, two: Record<string, number>): Record<string, number> {
  const sum = { ...one };
  for (const [key, count] of Object.entries(two)) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
