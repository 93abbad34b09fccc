/** Wind directions: degrees clockwise from north, where the wind comes from. */

const POINTS = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];

export function compassPoint(degrees: number): string {
  const turn = (((degrees % 360) + 360) % 360) / 360;
  return POINTS[Math.round(turn * POINTS.length) % POINTS.length]!;
}
