import { describe, expect, it } from "vitest";
import { ago, duration, isoDuration } from "../src/time/age";

describe("duration", () => {
  it.each([
    [0, "0 s"],
    [-3, "0 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [3599, "59 min"],
    [3600, "1 h"],
    [7500, "2 h 5 min"],
    [86_400, "1 d"],
    [273_600, "3 d 4 h"],
  ])("%d s reads %s", (seconds, words) => expect(duration(seconds)).toBe(words));
});

describe("ago", () => {
  it("calls a sample from the future what it is", () => expect(ago(-600)).toBe("10 min ahead of the clock"));
  it("forgives a second of disagreement", () => expect(ago(-1)).toBe("0 s ago"));
  it("is spoken as an ISO duration", () => expect(isoDuration(61.7)).toBe("PT61S"));
});
