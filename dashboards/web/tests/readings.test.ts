import { describe, expect, it } from "vitest";
import type { Channel } from "../src/api/entities";
import { compassPoint } from "../src/readings/compass";
import { count } from "../src/readings/counting";
import { fanNote } from "../src/readings/fan";
import { ageS, judge, type Known, staleAfterS, supersedes } from "../src/readings/freshness";
import { heatContrast } from "../src/readings/heat";
import { binLayout } from "../src/readings/layout";
import { reasonLong, reasonShort } from "../src/readings/quality";
import { formatNumber, formatSpan, formatValue, quantityName } from "../src/readings/quantities";
import { spread } from "../src/readings/spread";
import { channelTitle } from "../src/readings/titles";

const known = (more: Partial<Known> = {}): Known => ({
  time: 1_000_000,
  value: 21.4,
  quality: "good",
  reason: null,
  age_s: 2,
  learntMs: 0,
  ...more,
});

describe("freshness", () => {
  it.each([
    [10, 120],
    [60, 180],
    [null, 900],
  ])("with an interval of %s s a reading is stale after %d s", (interval, seconds) =>
    expect(staleAfterS(interval)).toBe(seconds),
  );

  it("ticks on by itself", () => {
    expect(judge(known(), 10, 0, null)).toEqual({ state: "live", grade: "good", ageS: 2 });
    expect(judge(known(), 10, 119_000, null)).toEqual({ state: "stale", grade: "good", ageS: 121 });
  });

  it("believes the older of two ages: news that was long on its way is not fresh", () =>
    expect(ageS(known(), 0, 1_300_000)).toBe(300));

  it("calls a failed reading failed, however old", () =>
    expect(judge(known({ value: null, quality: "bad" }), 10, 9e9, null).state).toBe("bad"));

  it("shows no number for a bad grade, even if one came", () =>
    expect(judge(known({ quality: "bad" }), 10, 0, null).state).toBe("bad"));

  it("tells never from stale", () => expect(judge(null, 10, 0, null).state).toBe("never"));

  it("goes by the sample's time, not by arrival", () => {
    expect(supersedes(known({ time: 999_999 }), known())).toBe(false);
    expect(supersedes(known(), known())).toBe(true);
  });

  it("counts", () =>
    expect(count(["live", "live", "stale", "bad", "never"])).toEqual({ reporting: 2, stale: 1, bad: 1 }));
});

describe("words", () => {
  it("say what to look for", () => {
    expect(reasonLong("sensor_missing")).toBe("No probe is connected, or its cable is broken");
    expect(reasonShort("comm_failure")).toBe("no answer");
  });
  it("show an unknown reason as it is", () => expect(reasonLong("blown_fuse")).toBe("blown fuse"));
  it("name quantities", () =>
    expect([quantityName("co2"), quantityName("soil_moisture")]).toEqual(["CO₂", "Soil moisture"]));
  it("name winds", () => expect([0, 359, 45, 236, -90].map(compassPoint)).toEqual(["N", "N", "NE", "SW", "W"]));
  it("say whether the fan runs, but not from a failed reading", () => {
    expect(fanNote(known({ value: 2200 }))).toBe("Running");
    expect(fanNote(known({ value: 3 }))).toBe("Not running");
    expect(fanNote(known({ value: null, quality: "bad" }))).toBe("");
  });
});

describe("numbers", () => {
  it.each([
    [21.44, "Cel", null, "21.4\u00a0°C"],
    [-0.04, "Cel", null, "0.0\u00a0°C"],
    [-3.26, "Cel", 0.1, "−3.3\u00a0°C"],
    [12_345, "ppm", 1, "12\u202f345\u00a0ppm"],
    [271, "deg", null, "271°"],
    [3, "count", null, "3"],
  ])("%d %s", (value, unit, resolution, shown) => expect(formatValue(value, unit, resolution)).toBe(shown));

  it.each([
    [{ min: 3.1, mean: 3.1, max: 3.1, unit: "m/s" }, "3.1\u00a0m/s"],
    [{ min: 1.9, mean: 3.1, max: 4.2, unit: "m/s" }, "1.9 to 4.2\u00a0m/s"],
    [{ min: null, mean: null, max: null, unit: "m/s" }, null],
  ])("a lull, a wind and a gust have no mean: %o is %s", (span, shown) => expect(formatSpan(span)).toBe(shown));

  it("have the decimals of the resolution", () =>
    expect([1, 0.5, 0.1, 0.05, 0.0625, 10].map((step) => formatNumber(1, "Cel", step))).toEqual([
      "1",
      "1.0",
      "1.0",
      "1.00",
      "1.00",
      "1",
    ]));
});

describe("the heat scale", () => {
  it("is legible at every temperature (WCAG AA)", () => {
    for (let celsius = -30; celsius <= 60; celsius += 0.25) expect(heatContrast(celsius)).toBeGreaterThanOrEqual(4.5);
  });
});

describe("a bin", () => {
  const channel = (
    id: string,
    quantity: string,
    cable: number | null,
    level: number | null,
    title: string | null = null,
  ) =>
    ({
      id,
      key: quantity,
      title,
      quantity,
      device: { id: "1", slug: "head", title: null },
      place: { id: "1", slug: "bin", title: "Bin", kind: "bin", cable, level, spot: null },
    }) as Channel;

  it("is laid out with its top at the top, and says what is not on a cable apart", () => {
    const { grid, rest } = binLayout([
      channel("a", "temperature", 2, 1),
      channel("b", "temperature", 1, 10),
      channel("c", "temperature", 1, 2),
      channel("d", "temperature", null, null),
      channel("e", "co2", 1, 1),
    ]);
    expect(grid?.cables).toEqual([1, 2]);
    expect(grid?.levels).toEqual([10, 2, 1]);
    expect(grid?.at(1, 10)?.id).toBe("b");
    expect(grid?.at(2, 10)).toBeUndefined();
    expect(rest.map(({ id }) => id)).toEqual(["d", "e"]);
  });

  it("names channels by where they hang on a cable, by their title, or by their quantity", () => {
    expect(channelTitle(channel("a", "temperature", 2, 5, "Level 5"))).toBe("Cable 2, level 5");
    expect(channelTitle(channel("a", "temperature", null, null, "Air temperature"))).toBe("Air temperature");
    expect(channelTitle(channel("a", "co2", null, null))).toBe("CO₂");
  });

  it("tells its extremes", () => {
    const told = spread([
      { id: "a", cable: 1, level: 1, value: 10 },
      { id: "b", cable: 1, level: 2, value: 20 },
    ]);
    expect([told?.hottest.id, told?.coolest.id, told?.mean]).toEqual(["b", "a", 15]);
    expect(spread([])).toBeNull();
  });
});
