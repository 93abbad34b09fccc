import { describe, expect, it } from "vitest";
import type { CompletenessItem, Gap } from "../src/api/entities";
import { kindOf, worst } from "../src/complete/causes";
import {
  added,
  clusters,
  daysUpTo,
  emptyDay,
  kindOfDay,
  lines,
  listed,
  missingOf,
  percentHere,
  sentences,
  total,
} from "../src/complete/ledger";
import { reasonLong } from "../src/readings/quality";
import { routeOf } from "../src/routes";

type Part = Partial<CompletenessItem["days"][number]>;

function subject(id: string, places: string[] = []): CompletenessItem["subject"] {
  return {
    group_id: id,
    device_id: id,
    device_slug: `device-${id}`,
    device_title: null,
    node_slug: "pi",
    interval_s: 10,
    places: places.map((title) => ({ id: title, title })),
  };
}

function item(id: string, places: string[], days: Record<string, Part>): CompletenessItem {
  const whole = { expected: 10, stored: 10, surplus: 0, late: 0, missing: {}, bad: {}, conflicts: 0 };
  return {
    subject: subject(id, places),
    days: Object.entries(days).map(([day, part]) => ({ ...whole, ...part, day })),
  };
}

const DAYS = daysUpTo({ year: 2026, month: 3, day: 2 }, 3);

describe("a line of days", () => {
  it("covers every day, over the end of a month", () =>
    expect(DAYS).toEqual(["2026-02-28", "2026-03-01", "2026-03-02"]));

  it("adds up the groups of a place, and puts what stands nowhere behind", () => {
    const items = [
      item("3", [], { "2026-03-01": {} }),
      item("1", ["Bin 10"], { "2026-03-01": { stored: 4, missing: { agent_off: 6 } } }),
      item("2", ["Bin 2", "Bin 10"], { "2026-03-01": { stored: 9, missing: { unexplained: 1 } } }),
    ];
    const found = lines(items, DAYS);
    expect(found.map((line) => line.title)).toEqual(["Bin 2", "Bin 10", "device-3"]);
    const day = found[1]!.days[1]!;
    expect(day).toMatchObject({ expected: 20, stored: 13, missing: { agent_off: 6, unexplained: 1 } });
    expect(kindOfDay(day)).toBe("unexplained");
    expect(kindOfDay(found[1]!.days[0]!)).toBe("nothing");
    expect(kindOfDay(found[2]!.days[1]!)).toBe("here");
  });

  it("counts a group of two places once in the sum of all", () => {
    const sum = total([item("2", ["Bin 2", "Bin 10"], { "2026-03-01": {}, "2026-01-01": {} })], DAYS);
    expect(sum.stored).toBe(10);
  });

  it("shows the worst of a day, and takes an unknown cause for the worst", () => {
    expect(worst(["coming", "lost", "here"])).toBe("lost");
    expect(kindOf("something new")).toBe("unexplained");
  });
});

describe("how much is here", () => {
  const day = (stored: number, missing: Record<string, number>, part: Part = {}) =>
    added(emptyDay("d"), item("1", [], { d: { stored, missing, ...part } }).days[0]!);

  it("is never a hundred while anything is missing", () => {
    expect(percentHere(day(99_999, { unexplained: 1 }))).toBe("99.9");
    expect(percentHere(day(10, {}))).toBe("100");
    expect(percentHere(day(0, {}))).toBeNull();
    expect(missingOf(day(1, { evicted: 2, agent_off: 3 }))).toBe(5);
  });

  it("is not said of what nobody expected", () => {
    const untold = day(1_440, {}, { expected: null });
    expect(percentHere(untold)).toBeNull();
    expect(kindOfDay(untold)).toBe("uncounted");
    const half = day(30, { agent_off: 10 }, { expected: 20, surplus: 20 });
    expect(percentHere(half)).toBe("50.0");
    expect(percentHere(added(half, untold))).toBe("50.0");
    expect(kindOfDay(added(day(10, {}), untold))).toBe("here");
    expect(sentences(untold, reasonLong)).toEqual([
      "1 440 are here beside what was expected: nobody said how often these are read, or they are read more often than said.",
    ]);
  });

  it("is said with causes and reasons in words, worst first", () => {
    const known = { ...day(5, { evicted: 1, agent_off: 1234 }), bad: { comm_failure: 2 }, late: 3, conflicts: 1 };
    expect(sentences(known, reasonLong)).toEqual([
      "1 234 not measured: the computer at the site was off.",
      "1 lost: the storage at the site was full or damaged before they could be sent.",
      "2 single readings failed: the device did not answer.",
      "3 came late, and are here.",
      "1 came twice with different values.",
    ]);
  });
});

describe("gaps", () => {
  const gap = (id: string, cause: string, from: number, to: number, samples: number): Gap => ({
    subject: subject(id, [`Bin ${id}`]),
    cause,
    from,
    to,
    samples,
    interval_s: 10,
  });

  it("of one cause at one time are one entry", () => {
    const found = clusters([
      gap("10", "agent_off", 100_000, 900_000, 80),
      gap("2", "agent_off", 104_000, 893_000, 79),
      gap("2", "evicted", 104_000, 893_000, 79),
      gap("3", "agent_off", 500_000, 893_000, 39),
    ]);
    expect(found).toHaveLength(3);
    expect(found[0]).toEqual({
      cause: "agent_off",
      fromMs: 100_000,
      toMs: 900_000,
      samples: 159,
      titles: ["Bin 2", "Bin 10"],
    });
  });

  it("name a few instruments and count the rest", () => {
    expect(listed(["a", "b", "c"])).toBe("a, b, c");
    expect(listed(["a", "b", "c", "d", "e"])).toBe("a, b and 3 more");
  });
});

it("has an address of its own", () => {
  expect(routeOf("/sites/7/complete", "?days=28")).toEqual({ page: "site-complete", id: "7", days: "28" });
  expect(routeOf("/sites/7/complete", "?days=9000")).toEqual({ page: "site-complete", id: "7", days: "14" });
});
