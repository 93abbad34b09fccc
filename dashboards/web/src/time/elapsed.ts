/**
 * Time that has passed, whatever happens to the device's clock.
 *
 * `performance.now` stands still while some devices sleep; `Date.now` jumps when the clock is set. Each step takes the
 * larger of the two, so a value can only be shown as too old, never as too fresh; `jumped` tells when they disagreed.
 */
export interface Instruments {
  monotonicMs(): number;
  wallMs(): number;
}

const DISAGREEMENT_MS = 5_000;

export class Elapsed {
  private totalMs = 0;
  private monotonicMs: number;
  private wallMs: number;
  private disagreed = false;

  constructor(private readonly instruments: Instruments) {
    this.monotonicMs = instruments.monotonicMs();
    this.wallMs = instruments.wallMs();
  }

  /** Milliseconds since this object was made; never goes back. */
  ms(): number {
    const monotonicMs = this.instruments.monotonicMs();
    const wallMs = this.instruments.wallMs();
    const byMonotonic = monotonicMs - this.monotonicMs;
    const byWall = wallMs - this.wallMs;
    this.totalMs += Math.max(byMonotonic, byWall, 0);
    this.disagreed ||= Math.abs(byWall - byMonotonic) > DISAGREEMENT_MS;
    this.monotonicMs = monotonicMs;
    this.wallMs = wallMs;
    return this.totalMs;
  }

  /** Whether the device slept or its clock was set since the last time this was asked. */
  jumped(): boolean {
    this.ms();
    const jumped = this.disagreed;
    this.disagreed = false;
    return jumped;
  }
}

export const browserInstruments: Instruments = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
