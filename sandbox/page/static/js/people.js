// Who is who: users, the bot, channels, and how they are shown.

import { h } from "./vdom.js";
import { state } from "./store.js";

export function user(idOrName) {
  const all = state.workspace?.users ?? [];
  return all.find((one) => one.id === idOrName) ?? all.find((one) => one.name === idOrName) ?? null;
}

export const viewer = () => user(state.viewer);
export const viewerId = () => viewer()?.id ?? state.viewer;

export function isBot(id) {
  const bot = state.workspace?.bot;
  return Boolean(bot && (id === bot.id || id === bot.user_id || id === bot.bot_id || id === bot.name));
}

const SLACKBOT = "USLACKBOT";

/** Anybody who is no person: the app's bot and Slack's own. */
export const isApp = (id) => isBot(id) || id === SLACKBOT || Boolean(user(id)?.is_bot);

/** The people whose eyes one can see with. */
export const persons = () => (state.workspace?.users ?? []).filter((one) => !isApp(one.id));

export function displayName(id) {
  if (isBot(id)) return state.workspace.bot.name;
  const one = user(id);
  return one ? one.real_name || one.name : (id ?? "someone");
}

export function mentionName(id) {
  if (isBot(id)) return state.workspace.bot.name;
  return user(id)?.name ?? id;
}

export function channel(idOrName) {
  const all = state.workspace?.channels ?? [];
  const bare = String(idOrName ?? "").replace(/^#/, "");
  return all.find((one) => one.id === bare) ?? all.find((one) => one.name === bare && !one.is_im) ?? null;
}

export const channels = () => (state.workspace?.channels ?? []).filter((one) => !one.is_im);

/** The viewer's direct messages. */
export const directs = () =>
  (state.workspace?.channels ?? []).filter((one) => one.is_im && (one.members ?? []).includes(viewerId()));

export function partner(im) {
  return (im.members ?? []).find((id) => id !== viewerId()) ?? viewerId();
}

export const channelTitle = (one) => (one.is_im ? displayName(partner(one)) : one.name);
export const channelPath = (one) => (one.is_im ? one.id : one.name);

const FALLBACK_COLORS = ["#7a5c99", "#2f6f8f", "#8a5a2b", "#4f7a3a", "#a04a5c"];

export function color(id) {
  const given = user(id)?.color;
  if (given) return given.startsWith("#") ? given : `#${given}`;
  let sum = 0;
  for (const letter of String(id)) sum += letter.charCodeAt(0);
  return FALLBACK_COLORS[sum % FALLBACK_COLORS.length];
}

export function avatar(id, name, size = "") {
  const bot = isBot(id);
  const shown = name || displayName(id);
  return h(
    "span",
    {
      class: `avatar ${size} ${bot ? "is-bot" : ""}`,
      "aria-hidden": "true",
      style: bot ? {} : { "--person": color(id) },
    },
    bot ? botGlyph() : shown.trim().charAt(0).toUpperCase(),
  );
}

function botGlyph() {
  return h(
    "svg",
    { viewBox: "0 0 24 24", class: "icon" },
    h("path", { d: "M13.5 3 6 13.5h5L10 21l8-11h-5.2L13.5 3z", fill: "currentColor" }),
  );
}
