import { describe, expect, it } from "vitest";
import { Elapsed } from "../src/time/elapsed";
import { ServerClock } from "../src/time/server-clock";

function device() {
  const state = { monotonic: 1000, wall: 5_000_000 };
  return {
    instruments: { monotonicMs: () => state.monotonic, wallMs: () => state.wall },
    pass: (ms: number) => {
      state.monotonic += ms;
      state.wall += ms;
    },
    sleep: (ms: number) => (state.wall += ms),
    setClock: (ms: number) => (state.wall += ms),
  };
}

describe("elapsed time", () => {
  it("follows both clocks while they agree", () => {
    const { instruments, pass } = device();
    const elapsed = new Elapsed(instruments);
    pass(1500);
    expect(elapsed.ms()).toBe(1500);
    expect(elapsed.jumped()).toBe(false);
  });

  it("counts a sleep during which the monotonic clock stood still", () => {
    const { instruments, sleep } = device();
    const elapsed = new Elapsed(instruments);
    sleep(600_000);
    expect(elapsed.ms()).toBe(600_000);
    expect(elapsed.jumped()).toBe(true);
    expect(elapsed.jumped()).toBe(false);
  });

  it("never goes back when the clock is set back", () => {
    const { instruments, pass, setClock } = device();
    const elapsed = new Elapsed(instruments);
    setClock(-3_600_000);
    expect(elapsed.ms()).toBe(0);
    pass(2000);
    expect(elapsed.ms()).toBe(2000);
  });
});

describe("the server's clock", () => {
  function clockAt() {
    const { instruments, pass } = device();
    return { clock: new ServerClock(new Elapsed(instruments)), pass };
  }

  it("is unknown until the server spoke", () => expect(clockAt().clock.nowMs()).toBeNull());

  it("runs on by itself, whatever the device's own clock says", () => {
    const { clock, pass } = clockAt();
    clock.hint(1_700_000_000_000);
    pass(4000);
    expect(clock.nowMs()).toBe(1_700_000_004_000);
  });

  it("is not set back by an answer that was long on its way", () => {
    const { clock, pass } = clockAt();
    clock.hint(1_700_000_000_000);
    pass(60_000);
    clock.hintFromSample(1_699_999_990_000, 12);
    expect(clock.nowMs()).toBe(1_700_000_060_000);
  });

  it("learns nothing from a sample of the future", () => {
    const { clock } = clockAt();
    clock.hintFromSample(1_800_000_000_000, 0);
    expect(clock.nowMs()).toBeNull();
  });

  it("heals after the device's clock was set", () => {
    const { clock } = clockAt();
    clock.hint(1_700_000_900_000);
    clock.forget();
    clock.hint(1_700_000_000_000);
    expect(clock.nowMs()).toBe(1_700_000_000_000);
  });
});
