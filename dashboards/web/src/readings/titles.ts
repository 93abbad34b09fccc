/** What a channel is called where people read it. */
import type { Channel } from "../api/entities";
import { quantityName, sentence } from "./quantities";

/** Its given title; else its quantity, and its key where that says more. */
export function channelTitle(channel: Channel): string {
  if (channel.title) return channel.title;
  const { cable, level, spot } = channel.place ?? { cable: null, level: null, spot: null };
  if (cable !== null && level !== null) return `Cable ${cable}, level ${level}`;
  const name = quantityName(channel.quantity);
  if (spot) return `${sentence(spot)}: ${lowerFirst(name)}`;
  return channel.key === channel.quantity || isPlain(channel) ? name : sentence(channel.key);
}

/** The instrument behind it. */
export function whereabouts(channel: Channel): string {
  return channel.device.title ?? channel.device.slug;
}

function isPlain(channel: Channel): boolean {
  return channel.quantity.endsWith(channel.key);
}

function lowerFirst(name: string): string {
  return /^[A-Z][a-z]/.test(name) ? name.charAt(0).toLowerCase() + name.slice(1) : name;
}
