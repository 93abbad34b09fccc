/**
 * Colours for temperatures in stored grain, and ink that stays legible on them.
 *
 * The scale is fixed, so that a colour means the same in every bin and every season: blue is cold and safe, green cool,
 * yellow where insects begin to breed (about 18 °C), orange to red where grain heats.
 */
type Rgb = readonly [number, number, number];

interface Stop {
  at: number;
  colour: Rgb;
}

const STOPS: readonly Stop[] = [
  { at: -10, colour: [44, 92, 168] },
  { at: 0, colour: [82, 147, 204] },
  { at: 10, colour: [134, 199, 190] },
  { at: 16, colour: [170, 214, 140] },
  { at: 21, colour: [245, 222, 120] },
  { at: 27, colour: [244, 160, 78] },
  { at: 33, colour: [218, 74, 48] },
  { at: 42, colour: [142, 22, 34] },
];

const DARK_INK: Rgb = [4, 6, 3];
const LIGHT_INK: Rgb = [255, 255, 255];

export const LEGEND_C = [0, 10, 20, 30, 40] as const;

export function heatColour(celsius: number): string {
  return css(colourAt(celsius));
}

/** Black or white, whichever stands out more. */
export function heatInk(celsius: number): string {
  const ground = colourAt(celsius);
  return css(contrast(ground, DARK_INK) >= contrast(ground, LIGHT_INK) ? DARK_INK : LIGHT_INK);
}

/** The contrast ratio of ink on its ground, as WCAG defines it: 1 to 21. */
export function heatContrast(celsius: number): number {
  const ground = colourAt(celsius);
  return Math.max(contrast(ground, DARK_INK), contrast(ground, LIGHT_INK));
}

function colourAt(celsius: number): Rgb {
  const first = STOPS[0]!;
  const last = STOPS[STOPS.length - 1]!;
  if (celsius <= first.at) return first.colour;
  if (celsius >= last.at) return last.colour;
  const upper = STOPS.findIndex((stop) => stop.at > celsius);
  const [low, high] = [STOPS[upper - 1]!, STOPS[upper]!];
  const share = (celsius - low.at) / (high.at - low.at);
  const mix = (k: 0 | 1 | 2) => Math.round(low.colour[k] + share * (high.colour[k] - low.colour[k]));
  return [mix(0), mix(1), mix(2)];
}

function contrast(a: Rgb, b: Rgb): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance([red, green, blue]: Rgb): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function linear(channel: number): number {
  const share = channel / 255;
  return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}
