/** Sorts a place's channels into what its page shows: the grid of cables and levels, the headlines, the rest. */
import type { Channel } from "../api/entities";

export interface CableGrid {
  cables: number[];
  /** From the top of the bin down to its floor: level 1 is the lowest. */
  levels: number[];
  at(cable: number, level: number): Channel | undefined;
}

export interface BinLayout {
  grid: CableGrid | null;
  rest: Channel[];
}

/** Temperatures that have a cable and a level make the grid; everything else is left for the cards. */
export function binLayout(channels: readonly Channel[]): BinLayout {
  const onCables = channels.filter(isOnCable);
  const rest = channels.filter((channel) => !isOnCable(channel));
  return { grid: onCables.length > 0 ? cableGrid(onCables) : null, rest };
}

export function isOnCable(channel: Channel): boolean {
  const place = channel.place;
  return channel.quantity === "temperature" && place !== null && place.cable !== null && place.level !== null;
}

/** All channels of these quantities, in this order. */
export function ofQuantities(channels: readonly Channel[], quantities: readonly string[]): Channel[] {
  return quantities.flatMap((quantity) => channels.filter((channel) => channel.quantity === quantity));
}

const ELECTRICAL = new Set([
  "power",
  "apparent_power",
  "reactive_power",
  "power_factor",
  "voltage",
  "current",
  "frequency",
  "energy",
  "energy_import",
]);

/** What an electricity meter reports; in a bin or a cold room that is the meter of its fan or compressor. */
export function isElectrical(channel: Channel): boolean {
  return ELECTRICAL.has(channel.quantity);
}

function cableGrid(channels: readonly Channel[]): CableGrid {
  const byPosition = new Map(
    channels.map((channel) => [position(channel.place!.cable!, channel.place!.level!), channel]),
  );
  const distinct = (numbers: number[]) => [...new Set(numbers)].sort((a, b) => a - b);
  return {
    cables: distinct(channels.map((channel) => channel.place!.cable!)),
    levels: distinct(channels.map((channel) => channel.place!.level!)).reverse(),
    at: (cable, level) => byPosition.get(position(cable, level)),
  };
}

function position(cable: number, level: number): string {
  return `${cable}/${level}`;
}
