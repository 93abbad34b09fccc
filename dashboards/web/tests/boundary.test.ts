import { describe, expect, it } from "vitest";
import { instant, listOf, number, optional, shape } from "../src/api/boundary";
import { channel, series } from "../src/api/entities";
import { letGoBefore } from "../src/api/client";
import { Malformed } from "../src/errors";

describe("the boundary", () => {
  it("names the place, what was found and what was expected", () => {
    const read = shape({ points: listOf(shape({ mean: optional(number) })) });
    expect(() => read({ points: [{ mean: 1 }, { mean: "1" }] }, "series")).toThrow(
      new Malformed("series.points[1].mean", "1", "a finite number"),
    );
  });

  it("reads instants as text or milliseconds, and nothing else", () => {
    expect(instant("2025-11-21T12:00:00+01:00", "at")).toBe(Date.parse("2025-11-21T11:00:00Z"));
    expect(instant(5, "at")).toBe(5);
    expect(() => instant("soon", "at")).toThrow(Malformed);
  });

  it("leaves unknown fields out and takes counted identifiers as text", () =>
    expect(
      series({ channel_id: 7, unit: "Cel", from: 0, to: 1, level: "raw", bucket_s: null, points: [], more: 1 }, "s"),
    ).toEqual({
      channel_id: "7",
      unit: "Cel",
      from: 0,
      to: 1,
      level: "raw",
      bucket_s: null,
      points: [],
      catching_up: null,
    }));

  it("reads before when a file lacks what was let go, the latest of its classes", () => {
    expect(letGoBefore("")).toBeNull();
    expect(
      letGoBefore('measurements;before="2026-01-31T06:00:00Z";sites=2, vitals;before="2026-02-01T06:00:00Z";sites=1'),
    ).toBe(Date.parse("2026-02-01T06:00:00Z"));
  });

  it("refuses a channel whose latest reading has a quality that nobody defined", () => {
    const latest = { time: 0, value: 1, quality: "splendid", reason: null, age_s: 0 };
    expect(() => channel({ id: 1, key: "t1", quantity: "temperature", unit: "Cel", latest }, "channel")).toThrow(
      Malformed,
    );
  });
});
