/** Why something is missing, in the words of the person who asks. */

/** What a cause comes down to: how a day looks, and which of two is the worse. */
export type Kind = "here" | "uncounted" | "coming" | "not-measured" | "lost" | "unexplained" | "nothing";

interface Words {
  kind: Kind;
  /** Ends a sentence that begins with a number: "40 not measured: …". */
  long: string;
  short: string;
}

const WORDS: Record<string, Words> = {
  on_its_way: { kind: "coming", short: "On its way", long: "kept by the computer at the site and on its way here" },
  no_word: {
    kind: "coming",
    short: "Not heard yet",
    long: "not heard of yet: the computer at the site has been silent since",
  },
  agent_off: {
    kind: "not-measured",
    short: "Computer was off",
    long: "not measured: the computer at the site was off",
  },
  bus_error: {
    kind: "not-measured",
    short: "Line was busy",
    long: "not measured: the line to the instrument was too busy",
  },
  evicted: {
    kind: "lost",
    short: "Storage was full",
    long: "lost: the storage at the site was full or damaged before they could be sent",
  },
  thinned: { kind: "lost", short: "Thinned out", long: "left out by the computer at the site to save space" },
  refused: { kind: "lost", short: "Could not be read", long: "set aside: the message could not be read" },
  undated: { kind: "lost", short: "Clock was wrong", long: "set aside: the clock at the site was wrong" },
  not_reported: {
    kind: "lost",
    short: "Left out by the instrument",
    long: "left out by the instrument, while its other values came",
  },
  unexplained: { kind: "unexplained", short: "Nobody knows why", long: "missing, and nobody knows why" },
};

export function kindOf(cause: string): Kind {
  return WORDS[cause]?.kind ?? "unexplained";
}

export function causeLong(cause: string): string {
  return WORDS[cause]?.long ?? `missing: ${cause.replaceAll("_", " ")}`;
}

export function causeShort(cause: string): string {
  return WORDS[cause]?.short ?? cause.replaceAll("_", " ");
}

/** From the harmless to the worst; the worst that a day has decides how it looks. */
const ORDER: readonly Kind[] = ["nothing", "here", "uncounted", "coming", "not-measured", "lost", "unexplained"];

export function worst(kinds: Iterable<Kind>): Kind {
  let found: Kind = "nothing";
  for (const kind of kinds) if (ORDER.indexOf(kind) > ORDER.indexOf(found)) found = kind;
  return found;
}

/** The sign that stands beside the colour. */
export const SIGNS: Record<Kind, string> = {
  here: "✓",
  uncounted: "•",
  coming: "…",
  "not-measured": "○",
  lost: "✕",
  unexplained: "?",
  nothing: "–",
};

export const LEGEND: readonly { kind: Kind; text: string }[] = [
  { kind: "here", text: "all here" },
  { kind: "uncounted", text: "here, and nobody knows how many there should be" },
  { kind: "coming", text: "on its way" },
  { kind: "not-measured", text: "not measured" },
  { kind: "lost", text: "lost or set aside" },
  { kind: "unexplained", text: "nobody knows why" },
  { kind: "nothing", text: "nothing expected" },
];
