import { describe, expect, it } from "vitest";
import { Malformed, Refused, Unreachable } from "../src/errors";
import { daysOf, durationOf, inTheWay, keepOf } from "../src/keeping/duration";
import { type Going, type Level, plan, policies, type Policies, type Policy } from "../src/keeping/entities";
import {
  archivedWords,
  archiveWords,
  counted,
  durationWords,
  errorWords,
  goingWords,
  inTheWayWords,
  lossWords,
  runsOf,
  runWords,
  say,
  sizeWords,
  sourceWords,
  spanWords,
  staysWords,
} from "../src/keeping/words";

const SET = {
  retention_class: "measurements",
  level: "raw",
  keep: "90d",
  keep_days: 90,
  source: "set",
  default_keep: "2y",
  version: 3,
  set_at: "2026-03-01T12:00:00Z",
  set_by: "user:ada",
};
const ANSWER = { items: [SET], archive_required: true, archiving: true, last_run_at: "2026-03-01T12:00:00Z" };
const GOING = {
  retention_class: "measurements",
  level: "raw",
  site: { id: 1, slug: "yard", name: "Yard" },
  rows: 33_600,
  size_bytes: 2_650_000,
  first: "2023-03-01",
  last: "2023-03-03",
  days: [
    { day: "2023-03-01", archived: true },
    { day: "2023-03-02", archived: true },
    { day: "2023-03-03", archived: false },
  ],
  stays: [],
};

function all(change: Partial<Policies> = {}): Policies {
  return { ...policies(ANSWER, "retention"), ...change };
}

function policyOf(level: Level, keep: string, change: Partial<Policy> = {}): Policy {
  return { ...all().items[0]!, level, keep, ...change };
}

function goingOf(change: Partial<Going> = {}): Going {
  return { ...plan({ items: [GOING] }, "plan").items[0]!, ...change };
}

/** No-break spaces are for the eye. */
const plain = (text: string | null) => (text ?? "").replaceAll("\u00a0", " ");

describe("what the API says", () => {
  it("is read with its instants", () => {
    expect(all().items[0]).toMatchObject({ version: 3, set_at: Date.parse("2026-03-01T12:00:00Z") });
    expect(goingOf().site?.id).toBe("1");
  });

  it.each([
    ["retention.archive_required", { ...ANSWER, archive_required: "yes" }],
    ["retention.items[0].source", { ...ANSWER, items: [{ ...SET, source: "somebody" }] }],
    ["retention.items[0].version", { ...ANSWER, items: [{ ...SET, version: null }] }],
    ["retention.items[0].level", { ...ANSWER, items: [{ ...SET, level: "week" }] }],
  ])("is refused where %s means nothing", (place, answer) => {
    expect(() => policies(answer, "retention")).toThrow(Malformed);
    expect(() => policies(answer, "retention")).toThrow(place);
  });
});

describe("a duration", () => {
  it.each(["1d", "90d", "26w", "2y", "forever"])("%s is written as it was read", (keep) => {
    expect(keepOf(durationOf(keep))).toBe(keep);
  });

  it.each([
    [{ amount: 0, unit: "d" }],
    [{ amount: -3, unit: "w" }],
    [{ amount: 1.5, unit: "y" }],
    [{ amount: null, unit: "d" }],
    [{ amount: 101, unit: "y" }],
  ] as const)("cannot be %o", (wished) => {
    expect(keepOf(wished)).toBeNull();
  });

  it("has as many days as the server gives it", () => {
    expect(["1y", "2y", "10y", "26w"].map(daysOf)).toEqual([366, 731, 3653, 182]);
    expect(daysOf("forever")).toBe(Infinity);
  });
});

describe("a level", () => {
  const kept = [policyOf("raw", "2y"), policyOf("m5", "3y"), policyOf("hour", "10y"), policyOf("day", "forever")];
  const [raw, m5, , day] = kept as [Policy, Policy, Policy, Policy];

  it("is never kept longer than what is made of it", () => {
    expect(inTheWay(kept, raw, "3y")).toBeNull();
    expect(inTheWay(kept, raw, "4y")?.level).toBe("m5");
    expect(inTheWayWords("en", raw, m5)).toContain("must stay at least as long as single readings");
    expect(inTheWayWords("uk", raw, m5)).toContain("«Середні за п’ять хвилин»");
  });

  it("is never kept shorter than what it is made of", () => {
    expect(inTheWay(kept, m5, "1y")?.level).toBe("raw");
    expect(inTheWay(kept, day, "9y")?.level).toBe("hour");
    expect(inTheWayWords("en", m5, raw)).toContain("are made of them");
  });

  it("of another class, or of records, stands in nobody's way", () => {
    const vitals = kept.map((each) => ({ ...each, retention_class: "vitals" as const }));
    expect(inTheWay(vitals, raw, "forever")).toBeNull();
    const records = policyOf("alerts", "10y", { retention_class: "records" });
    expect(inTheWay([records, policyOf("gaps", "1d", { retention_class: "records" })], records, "forever")).toBeNull();
  });
});

describe("words", () => {
  it("say how long, in both languages, with the form that goes with the number", () => {
    expect(["1d", "92d", "1w", "2y", "forever"].map((keep) => plain(durationWords("en", keep)))).toEqual(
      ["1 day", "92 days", "1 week", "2 years", "for ever"], // prettier-ignore
    );
    expect(["1d", "92d", "11d", "3w", "5y", "21y", "forever"].map((keep) => plain(durationWords("uk", keep)))).toEqual(
      ["1 день", "92 дні", "11 днів", "3 тижні", "5 років", "21 рік", "завжди"], // prettier-ignore
    );
    expect(plain(counted("en", 12_000, "entry"))).toBe("12 000 entries");
  });

  it("say who set it, or that nobody did", () => {
    const set = all().items[0]!;
    expect(plain(sourceWords("en", set))).toBe("set by ada on 1 Mar 2026");
    expect(plain(sourceWords("uk", set))).toBe("змінено: ada, 1 бер. 2026");
    expect(sourceWords("en", { ...set, set_by: "command:siloscope db" })).toContain("by the command line");
    expect(plain(sourceWords("en", { ...set, set_by: null }))).toBe("set on 1 Mar 2026");
    expect(sourceWords("en", { ...set, source: "default", set_at: null })).toBe("the usual time");
  });

  it("warn where nothing is archived, whatever the reason", () => {
    expect(archiveWords("en", all())).toMatchObject({ warns: false });
    expect(archiveWords("en", all({ archiving: null }))).toMatchObject({ warns: false });
    expect(archiveWords("en", all({ archiving: false }))).toMatchObject({ warns: true });
    expect(archiveWords("en", all({ archiving: false })).text).toContain("no single readings go at all");
    expect(archiveWords("en", all({ archive_required: false, archiving: true })).text).toContain("without a file");
  });

  it("say what would go, and whether it is in the archive", () => {
    expect(plain(goingWords("en", goingOf()))).toBe(
      "33 600 sets of readings · 1 Mar 2023 to 3 Mar 2023 · about 2.6 MB",
    );
    expect(plain(goingWords("uk", goingOf()))).toBe("33 600 вимірів · 1 бер. 2023 – 3 бер. 2023 · близько 2,6 МБ");
    expect(plain(archivedWords("en", goingOf(), true))).toContain("2 of 3 days are in the archive already");
    expect(archivedWords("en", goingOf(), false)).toContain("without a file");
    const days = goingOf().days.map(({ day }) => ({ day, archived: true }));
    expect(plain(archivedWords("en", goingOf({ days }), true))).toBe("All 3 days are in the archive already.");
    const none = days.map(({ day }) => ({ day, archived: false }));
    expect(archivedWords("en", goingOf({ days: none }), true)).toContain("are written to the archive first");
    expect(archivedWords("en", goingOf({ days: days.slice(1, 2) }), true)).toBe("That day is in the archive already.");
    expect(archivedWords("uk", goingOf({ days: none.slice(1, 2) }), true)).toContain("Спершу цей день");
    expect(archivedWords("en", goingOf({ level: "hour", days: [] }), true)).toBeNull();
    expect(goingWords("en", goingOf({ level: "hour", rows: 1 }))).toContain("1\u00a0set of averages ");
    expect(goingWords("en", goingOf({ level: "alerts", rows: 2 }))).toContain("2\u00a0entries ");
  });

  it("put days together that follow each other", () => {
    expect(runsOf(goingOf().days)).toEqual([
      { first: "2023-03-01", last: "2023-03-02", archived: true },
      { first: "2023-03-03", last: "2023-03-03", archived: false },
    ]);
    const apart = ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-03"].map((day) => ({ day, archived: true }));
    expect(runsOf(apart).map((run) => plain(runWords("en", run)))).toEqual([
      "28 Feb 2024 to 1 Mar 2024: in the archive",
      "3 Mar 2024: in the archive",
    ]);
    expect(runsOf([])).toEqual([]);
  });

  it("know why something stays, and show what they do not know", () => {
    expect(staysWords("en", "restored")).toContain("put it back");
    expect(staysWords("uk", "not_rolled_up")).toContain("середні ще не обчислено");
    expect(staysWords("en", "moon_is_full")).toBe("moon is full");
  });

  it("say what has gone", () => {
    const [first, last] = [Date.parse("2023-03-02T00:00:00Z"), Date.parse("2023-03-15T23:00:00Z")];
    const gone = { ...goingOf(), id: "7", gone_at: last, first, last, archived: true };
    expect(plain(lossWords("en", gone))).toBe("33 600 sets of readings, 2 Mar 2023 to 15 Mar 2023, about 2.6 MB");
  });

  it("round sizes to what is worth knowing", () => {
    expect([0, 999, 1_500, 26_208, 999_600, 12e9].map((bytes) => plain(sizeWords("en", bytes)))).toEqual(
      ["0 B", "999 B", "1.5 kB", "26 kB", "1.0 MB", "12 GB"], // prettier-ignore
    );
    expect(plain(sizeWords("uk", 1_500))).toBe("1,5 кБ");
  });

  it("have one date for a span of one day", () => {
    expect(plain(spanWords("en", "2023-03-01", "2023-03-01"))).toBe("1 Mar 2023");
  });

  it("say what went wrong", () => {
    expect(errorWords("en", new Unreachable("x"))).toContain("cannot be reached");
    expect(errorWords("uk", new Refused(403, "Forbidden", "no"))).toContain("лише адміністратори");
    expect(errorWords("en", new Refused(504, "Too slow", "no"))).toContain("in time");
    expect(errorWords("en", new Refused(422, "Malformed", "9 moons"))).toBe("The server refused: 9 moons");
    expect(errorWords("en", new Error("x"))).toContain("unexpected");
  });

  it("stand for nothing that is not filled in", () => {
    expect(say("en", "usually", {})).toBe("Usually .");
    expect(say("uk", "to", { first: "1", last: "2" })).toBe("1 – 2");
  });
});
