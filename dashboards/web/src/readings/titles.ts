/** What a channel is called where people read it. */
import type { Channel } from "../api/entities";
import { isOnCable } from "./layout";
import { quantityName, sentence } from "./quantities";

/** Where it hangs on a cable; else its given title; else its quantity, or its key where that says more. */
export function channelTitle(channel: Channel): string {
  if (isOnCable(channel)) return `Cable ${channel.place!.cable}, level ${channel.place!.level}`;
  if (channel.title) return channel.title;
  return channel.quantity.endsWith(channel.key) ? quantityName(channel.quantity) : sentence(channel.key);
}

/** The instrument behind it. */
export function whereabouts(channel: Channel): string {
  return channel.device.title || channel.device.slug;
}

/** Where in its place it is, in the words of whoever set it up; empty where there are none. */
export function spotWords(channel: Channel): string {
  return sentence(channel.place?.spot ?? "");
}
