// Fetching what changed: each thing once at a time, and only what somebody looks at or has to be told of.

import * as api from "./api.js";
import { announce } from "./announce.js";
import { channel, directs, channels, viewerId } from "./people.js";
import { changed, latest, state } from "./store.js";
import { complain } from "./toast.js";
import { forgetSurface } from "./surfaces.js";

let epoch = 0; // answers for an earlier viewer are thrown away
const fetchers = new Map();

export function forgetViewer() {
  epoch += 1;
  fetchers.clear();
  state.messages = new Map();
  state.threads = new Map();
  state.views = { modal: null, home: null };
}

function once(name, fetch) {
  if (!fetchers.has(name)) {
    const mine = epoch;
    fetchers.set(
      name,
      latest(async () => {
        try {
          await fetch(() => mine === epoch);
        } catch (error) {
          if (mine === epoch && state.link !== "lost") complain(error);
        }
        changed();
      }),
    );
  }
  return fetchers.get(name)();
}

export const threadKey = (channelId, ts) => `${channelId}/${ts}`;

export function refreshMessages(channelId) {
  return once(`messages/${channelId}`, async (current) => {
    const { messages } = await api.messages(channelId, state.viewer);
    if (!current()) return;
    const before = state.messages.get(channelId);
    const kept = keepSame(before, messages);
    state.messages.set(channelId, kept);
    if (before && channelId === shownChannel()?.id) announce(before, kept);
  });
}

export function refreshThread(channelId, ts) {
  return once(`thread/${channelId}/${ts}`, async (current) => {
    const { messages } = await api.messages(channelId, state.viewer, ts);
    if (!current()) return;
    const key = threadKey(channelId, ts);
    const before = state.threads.get(key);
    const kept = keepSame(before, messages);
    state.threads.set(key, kept);
    if (before) announce(before, kept);
  });
}

export const refreshViews = () =>
  once("views", async (current) => {
    const { modal, home } = await api.views(state.viewer);
    if (!current()) return;
    const gone = state.views.modal;
    if (gone && gone.id !== modal?.id && modal?.previous_view_id !== gone.id)
      forgetSurface(`modal/${gone.id}`);
    state.views = { modal: sameOr(state.views.modal, modal), home: sameOr(state.views.home, home) };
  });

export const refreshWorkspace = () =>
  once("workspace", async () => {
    state.workspace = sameOr(state.workspace, await api.workspace());
  });

export const refreshRailway = () =>
  once("railway", async () => {
    state.railway = sameOr(state.railway, await api.railway());
  });

function refreshAllChannels() {
  return Promise.all([...channels(), ...directs()].map((one) => refreshMessages(one.id)));
}

export function refreshEverything() {
  const room = shownChannel();
  const { thread } = state.route;
  const opened = room && thread ? [refreshThread(room.id, thread)] : [];
  return Promise.all([refreshViews(), refreshRailway(), refreshAllChannels(), ...opened]);
}

/** The channel in the main pane. */
export function shownChannel() {
  if (state.route.screen === "home") return null;
  return channel(state.route.channel ?? state.lastChannel ?? "ops") ?? channels()[0] ?? null;
}

/** A hint from the server: what changed, and where. */
export function onSlackHint(hint) {
  const room = hint.channel;
  if (hint.what === "channel")
    refreshWorkspace().then(room ? () => refreshMessages(room) : refreshEverything);
  else if (hint.what === "view" || hint.what === "home") {
    if (!hint.user || hint.user === viewerId() || hint.user === state.viewer) refreshViews();
  } else if (room) {
    if (hint.user && hint.what === "ephemeral" && hint.user !== viewerId() && hint.user !== state.viewer)
      return;
    if (!channel(room)) refreshWorkspace();
    refreshMessages(room);
    const { thread } = state.route;
    if (
      thread &&
      shownChannel()?.id === room &&
      (!hint.thread_ts || hint.thread_ts === thread || hint.ts === thread)
    )
      refreshThread(room, thread);
  } else refreshEverything();
}

/** The old object where nothing changed, so that rendering can skip it. */
function sameOr(before, after) {
  return before && after && JSON.stringify(before) === JSON.stringify(after) ? before : after;
}

function keepSame(before, after) {
  const known = new Map((before ?? []).map((one) => [one.ts, one]));
  return after.map((one) => sameOr(known.get(one.ts), one));
}
