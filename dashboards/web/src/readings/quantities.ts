/** Names and signs of what is measured. Values are shown in the unit they are stored in; nothing here converts. */
import type { Span } from "../api/entities";

const NAMES: Record<string, string> = {
  temperature: "Temperature",
  relative_humidity: "Humidity",
  co2: "CO₂",
  air_pressure: "Air pressure",
  wind_speed: "Wind speed",
  wind_direction: "Wind direction",
  rain: "Rain",
  precipitation_rate: "Rain rate",
  irradiance: "Sunlight",
  power: "Power",
  energy_import: "Energy used",
  voltage: "Voltage",
  current: "Current",
  frequency: "Frequency",
};

/** SenML's unit symbols as people write them. */
const SIGNS: Record<string, string> = {
  Cel: "°C",
  "%RH": "%",
  deg: "°",
  "W/m2": "W/m²",
  "/": "",
  count: "",
};

/** Decimals where a channel states no resolution. */
const DECIMALS: Record<string, number> = {
  Cel: 1,
  "%RH": 0,
  "%": 0,
  ppm: 0,
  hPa: 1,
  deg: 0,
  "m/s": 1,
  W: 0,
  V: 0,
  Hz: 1,
  A: 2,
  kWh: 1,
  mm: 1,
  "mm/h": 1,
  count: 0,
};

const CIRCULAR = new Set(["wind_direction"]);

export function quantityName(quantity: string): string {
  return NAMES[quantity] ?? sentence(quantity);
}

export function unitSign(unit: string): string {
  return SIGNS[unit] ?? unit;
}

/** Degrees that wrap at 360: a line between two of them would mean nothing. */
export function isCircular(quantity: string): boolean {
  return CIRCULAR.has(quantity);
}

/** `21.4`, with the decimals of the channel's resolution, at most three. */
export function formatNumber(value: number, unit: string, resolution: number | null = null): string {
  const decimals = decimalsOf(resolution) ?? DECIMALS[unit] ?? (Math.abs(value) < 10 ? 2 : 1);
  // Adding 0 turns the -0 that rounding leaves into 0.
  const rounded = Number(value.toFixed(decimals)) + 0;
  return new Intl.NumberFormat("en-GB", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  })
    .format(rounded)
    .replaceAll(",", "\u202f")
    .replace("-", "\u2212");
}

/** `21.4 °C`; the sign of a degree of angle stands close, as usual. */
export function formatValue(value: number, unit: string, resolution: number | null = null): string {
  const sign = unitSign(unit);
  const gap = sign === "" || sign === "°" ? "" : "\u00a0";
  return `${formatNumber(value, unit, resolution)}${gap}${sign}`;
}

/** `21.4 °C`, or `19.0 to 21.4 °C` where several channels read different things; null where none is fresh. */
export function formatSpan(span: Span): string | null {
  if (span.min === null || span.max === null) return null;
  const [least, most] = [formatValue(span.min, span.unit), formatValue(span.max, span.unit)];
  return least === most ? most : `${formatNumber(span.min, span.unit)} to ${most}`;
}

/** `Wind speed max` for `wind_speed_max`. */
export function sentence(slug: string): string {
  const words = slug.replaceAll("_", " ").replaceAll("-", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function decimalsOf(resolution: number | null): number | null {
  if (resolution === null || resolution <= 0) return null;
  return Math.min(3, Math.max(0, Math.ceil(-Math.log10(resolution) - 1e-9)));
}
