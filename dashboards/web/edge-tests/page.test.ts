import { describe, expect, it } from "vitest";
import { joined, rangeOf, runsOf } from "../../../edge/src/siloscope_edge/page/assets/chart.js";
import {
  ageOf,
  marksOf,
  numberOf,
  shortTimeOf,
  sizeOf,
  valueOf,
} from "../../../edge/src/siloscope_edge/page/assets/shown.js";
import { say } from "../../../edge/src/siloscope_edge/page/assets/words.js";
import { stateOf } from "../../../edge/src/siloscope_edge/page/assets/state.js";

describe("a line of a chart", () => {
  const curve = [1, null, null, 2, 3, null];
  it("is drawn only where there are values", () =>
    expect(runsOf(curve)).toEqual([
      { from: 0, to: 1 },
      { from: 3, to: 5 },
    ]));
  it("goes on over what the rhythm of reading leaves empty", () =>
    expect(joined(runsOf(curve), 2, () => false)).toEqual([{ from: 0, to: 5 }]));
  it("ends at a gap that is longer", () => expect(joined(runsOf(curve), 1, () => false)).toHaveLength(2));
  it("ends at a reading that failed", () => expect(joined(runsOf(curve), 9, (at) => at === 2)).toHaveLength(2));
  it("is nothing where there is nothing", () => expect(joined(runsOf([null, null]), 5, () => false)).toEqual([]));
});

describe("an axis", () => {
  const flat = { key: "a", least: [5], mean: [5], greatest: [5], flags: "1" };
  const none = { key: "a", least: [null], mean: [null], greatest: [null], flags: "4" };
  it("leaves a flat line flat", () => {
    const range = rangeOf(flat, false);
    expect(range && range.high - range.low).toBeGreaterThan(0.05);
    const coarse = rangeOf(flat, false, 0.1);
    expect(coarse && coarse.high - coarse.low).toBeGreaterThan(1);
  });
  it("has no range without values", () => expect(rangeOf(none, false)).toBeNull());
  it("is the compass for a direction", () => expect(rangeOf(none, true)).toEqual({ low: 0, high: 360 }));
  it("has round marks", () => expect(marksOf(2.3, 17.9)).toEqual([5, 10, 15]));
});

describe("a value", () => {
  it.each([
    [21.44, "Cel", 0.1, "21.4\u00a0°C"],
    [-0.04, "Cel", 0.1, "0.0\u00a0°C"],
    [-3.25, "Cel", null, "\u22123.3\u00a0°C"],
    [0.0004, "/", 0.0001, "0.0004"],
    [1_400_000_000, "B", null, "1.4\u00a0GB"],
    [7500, "s", 1, "2\u00a0h 5\u00a0min"],
    [-0.25, "s", 0.001, "\u22120.250\u00a0s"],
  ])("%d %s reads right", (value, unit, resolution, words) =>
    expect(valueOf(value, unit, resolution, "en")).toBe(words),
  );
  it("is written as the language does", () => expect(numberOf(1234.5, "Cel", 0.1, "uk")).toMatch(/^1.?234,5$/u));
  it("is a size in words", () => expect([sizeOf(0, "en"), sizeOf(999_999, "en")]).toEqual(["0\u00a0B", "1.0\u00a0MB"]));
  it("is a short time in words", () => expect(shortTimeOf(0.0341, "en")).toBe("34\u00a0ms"));
  it("never has a negative age", () => expect(ageOf(-5, "en")).toBe("0\u00a0s"));
});

describe("a reading", () => {
  const good = { value: 1, quality: "good" as const };
  it.each([
    [{ ...good }, 5, "live"],
    [{ ...good }, 31, "stale"],
    [{ value: null, quality: "bad" as const }, 5, "bad"],
    [{ value: null, quality: null }, 5, "never"],
    [{ ...good }, null, "never"],
  ])("%o of age %s is %s", (reading, age, state) => expect(stateOf(reading, age, 30)).toBe(state));
});

describe("words", () => {
  it("are filled in", () => expect(say("en", "ago", { age: "5 s" })).toBe("5 s ago"));
  it("that nobody knows stand for themselves", () => expect(say("uk", "reason_bent_pipe")).toBe("bent pipe"));
});
