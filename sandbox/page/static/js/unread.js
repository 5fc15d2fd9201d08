// What each person has read, kept in this browser.

import { viewerId } from "./people.js";
import { recall, remember } from "./storage.js";
import { state } from "./store.js";

const name = (channelId) => `read.${state.viewer}.${channelId}`;

const lastRead = (channelId) => recall(name(channelId), null);

export function markRead(channelId) {
  const newest = state.messages.get(channelId)?.at(-1)?.ts;
  if (newest && Number(newest) > Number(lastRead(channelId) ?? 0)) remember(name(channelId), newest);
}

export function unreadIn(channel) {
  const since = Number(lastRead(channel.id) ?? 0);
  return (state.messages.get(channel.id) ?? []).filter(
    (one) => Number(one.ts) > since && one.user !== viewerId(),
  ).length;
}

/** The first message that the viewer had not seen when the channel was opened. */
export function firstUnread(channelId) {
  const since = lastRead(channelId);
  if (since === null) return null;
  const first = (state.messages.get(channelId) ?? []).find(
    (one) => Number(one.ts) > Number(since) && one.user !== viewerId(),
  );
  return first?.ts ?? null;
}

/** What is there when a person comes for the first time counts as read. */
export function beginReading() {
  for (const one of state.workspace.channels) if (lastRead(one.id) === null) markRead(one.id);
}

export const totalUnread = () =>
  (state.workspace?.channels ?? []).reduce(
    (sum, one) => sum + (one.is_im && !one.members?.includes(viewerId()) ? 0 : unreadIn(one)),
    0,
  );
