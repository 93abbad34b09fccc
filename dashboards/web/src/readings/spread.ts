/** The extremes of a bin's fresh temperatures. */

export interface Probe {
  id: string;
  cable: number;
  level: number;
  value: number;
}

export interface Spread {
  hottest: Probe;
  coolest: Probe;
  mean: number;
}

export function spread(fresh: readonly Probe[]): Spread | null {
  if (fresh.length === 0) return null;
  return {
    hottest: fresh.reduce((a, b) => (b.value > a.value ? b : a)),
    coolest: fresh.reduce((a, b) => (b.value < a.value ? b : a)),
    mean: fresh.reduce((sum, probe) => sum + probe.value, 0) / fresh.length,
  };
}
