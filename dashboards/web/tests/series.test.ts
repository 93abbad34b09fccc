import { describe, expect, it } from "vitest";
import type { Point, Series } from "../src/api/entities";
import { padded } from "../src/chart/plot";
import { columns, failures, gaps, isolated, source, summarise, failedReadings } from "../src/chart/series";
import { sparkline } from "../src/chart/sparkline";

const point = (s: number, mean: number | null, more: Partial<Point> = {}): Point => ({
  time: s * 1000,
  min: mean,
  mean,
  max: mean,
  count: mean === null ? 0 : 1,
  bad: mean === null ? 1 : 0,
  ...more,
});

const series = (points: Point[], more: Partial<Series> = {}): Series => ({
  channel_id: "1",
  unit: "Cel",
  from: 0,
  to: 1_000_000,
  level: "raw",
  bucket_s: null,
  catching_up: false,
  points,
  ...more,
});

describe("columns", () => {
  it("keep neighbours together", () =>
    expect(columns(series([point(0, 1), point(10, 2)]), 10)).toEqual([
      [0, 10],
      [1, 2],
      [1, 2],
      [1, 2],
    ]));

  it("break where samples are missing for longer than a fresh value lasts", () => {
    const [x, , , mean] = columns(series([point(0, 1), point(121, 2)]), 10);
    expect(x).toEqual([0, 60.5, 121]);
    expect(mean).toEqual([1, null, 2]);
  });

  it("break at an absent bucket", () => {
    const [, , , mean] = columns(series([point(0, 1), point(600, 2)], { level: "hour", bucket_s: 300 }), 10);
    expect(mean).toEqual([1, null, 2]);
  });

  it("do not break between buckets that are finer than the sampling", () => {
    const [, , , mean] = columns(series([point(0, 1), point(900, 2)], { level: "hour", bucket_s: 60 }), 900);
    expect(mean).toEqual([1, 2]);
  });

  it("break at a failed reading", () =>
    expect(columns(series([point(0, 1), point(10, null), point(20, 2)]), 10)[3]).toEqual([1, null, 2]));
});

describe("gaps", () => {
  it("are told from the window's edges too", () =>
    expect(gaps(series([point(400, 1), point(410, 2)], { to: 500_000 }), 10)).toEqual([{ fromS: 0, toS: 400 }]));
  it("cover the whole window when nothing is stored", () =>
    expect(gaps(series([]), 10)).toEqual([{ fromS: 0, toS: 1000 }]));
  it("do not end at a failed reading", () =>
    expect(gaps(series([point(0, 1), point(500, null), point(1000, 1)]), 10)).toEqual([{ fromS: 0, toS: 1000 }]));
});

describe("details", () => {
  it("a point without neighbours needs a dot", () => expect(isolated([1, null, 2, 3, null, 4])).toEqual([0, 5]));
  it("failed readings are marked", () => expect(failures(series([point(0, 1), point(10, null)]))).toEqual([10]));
  it("a flat line stays flat", () => {
    const [low, high] = padded(20, 20.01);
    expect(high - low).toBeGreaterThan(1);
  });
  it("an empty chart still has a scale", () => expect(padded(null, null)).toEqual([0, 1]));
});

describe("the summary", () => {
  it("weighs buckets by their readings", () => {
    const told = summarise(
      series([point(0, 10, { min: 8, count: 3 }), point(10, 20, { max: 23, count: 1 }), point(20, null)]),
    );
    expect(told).toEqual({
      lowest: { value: 8, atMs: 0 },
      highest: { value: 23, atMs: 10_000 },
      mean: 12.5,
      readings: 4,
    });
  });
  it("says nothing about nothing", () => expect(summarise(series([point(0, null)]))).toBeNull());
  it("counts what failed also where nothing was good", () =>
    expect(failedReadings(series([point(0, null), point(10, null)]))).toBe(2));
});

describe("the small line", () => {
  const box = { width: 100, height: 10 };
  it("lifts the pen at a gap", () =>
    expect(sparkline([[0, 50, 75, 100], [], [], [1, 2, null, 3]], 0, 100, box)).toBe("M0.0 10.0L50.0 5.0M100.0 0.0"));
  it("is not drawn of a moment", () => expect(sparkline([[98, 99], [], [], [1, 2]], 0, 100, box)).toBeNull());
  it("is not drawn of one value", () => expect(sparkline([[0], [], [], [1]], 0, 100, box)).toBeNull());
});

describe("the source", () => {
  it("is named for roll-ups and for readings", () => {
    expect(source({ level: "day", bucket_s: 86_400, catching_up: false })).toBe("Drawn from roll-ups of days");
    expect(source({ level: "day", bucket_s: 86_400, catching_up: true })).toBe(
      "Drawn from roll-ups of days; late readings are still being added",
    );
    expect(source({ level: "raw", bucket_s: 300, catching_up: null })).toBe("Drawn from all readings");
    expect(source({ level: "raw", bucket_s: null, catching_up: null })).toBe("Every reading is drawn");
  });
});
