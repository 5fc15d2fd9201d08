// The address bar: #/channels, #/channel/ops, #/channel/ops/thread/<ts>, #/channel/ops/message/<ts>,
// #/home, #/railway, #/journal. The last two are screens on a phone and tabs of the panel elsewhere.

import { channelPath } from "./people.js";

const SCREENS = new Set(["channels", "home", "railway", "journal"]);

export function parse(hash) {
  const [first, name, kind, ts] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (SCREENS.has(first)) return { screen: first, channel: null, thread: null, message: null };
  return {
    screen: "channel",
    channel: first === "channel" && name ? name : null,
    thread: kind === "thread" && ts ? ts : null,
    message: kind === "message" && ts ? ts : null,
  };
}

export function go(hash) {
  if (location.hash === hash) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = hash;
}

/** The address of a channel. */
export const channelHash = (room) => `#/channel/${encodeURIComponent(channelPath(room))}`;

/** The address of a thread in a channel. */
export const threadHash = (room, ts) => `${channelHash(room)}/thread/${ts}`;

/** Where a message is found again: in its channel, or in its thread if it is a reply. */
export function messageHash(room, message) {
  const root = message.thread_ts ?? message.ts;
  return root === message.ts ? `${channelHash(room)}/message/${message.ts}` : threadHash(room, root);
}
