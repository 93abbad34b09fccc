import { describe, expect, it } from "vitest";
import { ticks } from "../src/time/ticks";
import { Zone } from "../src/time/zone";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (text: string) => Date.parse(text);

describe("a site's zone", () => {
  const berlin = new Zone("Europe/Berlin");

  it("shows its own wall clock", () => expect(berlin.moment(at("2025-07-01T12:05:00Z"))).toBe("Tue 1 Jul, 14:05"));

  it("finds an instant on both sides of a clock change", () => {
    expect(berlin.instant(2025, 3, 30)).toBe(at("2025-03-29T23:00:00Z"));
    expect(berlin.instant(2025, 3, 31)).toBe(at("2025-03-30T22:00:00Z"));
  });

  it("takes the first instant after an hour that the clock skips", () =>
    expect(berlin.instant(2025, 3, 30, 2)).toBe(at("2025-03-30T01:00:00Z")));

  it("takes the earlier of an hour that comes twice", () =>
    expect(berlin.instant(2025, 10, 26, 2)).toBe(at("2025-10-26T00:00:00Z")));

  it("knows zones of half an hour", () =>
    expect(new Zone("Asia/Kolkata").offsetMs(at("2025-01-01T00:00:00Z"))).toBe(5.5 * HOUR));

  it("falls back to UTC, and says so", () => expect(new Zone("Mars/Olympus").name).toBe("UTC"));
});

describe("the time axis", () => {
  const newYork = new Zone("America/New_York");

  it("marks round local hours, and names the day at midnight", () => {
    const from = at("2025-11-20T17:20:00Z");
    const marks = ticks(newYork, from, from + DAY, 5);
    expect(marks.map(({ label }) => label)).toEqual(["18:00", "Fri 21", "06:00", "12:00"]);
    expect(marks[0]!.atMs).toBe(at("2025-11-20T23:00:00Z"));
  });

  it("counts in minutes within an hour", () => {
    const from = at("2025-11-20T17:22:00Z");
    const marks = ticks(newYork, from, from + HOUR, 5);
    expect(marks.map(({ label }) => label)).toEqual(["12:30", "12:45", "13:00", "13:15"]);
  });

  it("keeps local midnights through a day of 25 hours", () => {
    const from = at("2025-10-31T12:00:00Z");
    const marks = ticks(newYork, from, from + 7 * DAY, 8);
    expect(marks.map(({ atMs }) => newYork.clock(atMs))).toEqual(Array(7).fill("00:00"));
    expect(marks[2]!.atMs - marks[1]!.atMs).toBe(25 * HOUR);
  });

  it("always marks the newest day of a month", () => {
    const from = at("2025-10-22T12:00:00Z");
    const marks = ticks(newYork, from, from + 30 * DAY, 6);
    expect(marks.map(({ label }) => label)).toEqual(["27 Oct", "1 Nov", "6 Nov", "11 Nov", "16 Nov", "21 Nov"]);
  });

  it("has no mark twice where the clock skips an hour", () => {
    const from = at("2025-03-29T23:00:00Z");
    const marks = ticks(new Zone("Europe/Berlin"), from, from + 6 * HOUR, 10);
    expect(marks.map(({ label }) => label)).toEqual(["Sun 30", "01:00", "03:00", "04:00", "05:00", "06:00", "07:00"]);
  });
});
