// What the menus with a list offer, and how a chosen value is called.

import { avatar, channelTitle, channels, directs, displayName, isBot } from "./people.js";
import { state } from "./store.js";
import { textObject } from "./mrkdwn.js";

const optionEntry = (option) => ({
  value: option,
  words: option.text.text,
  nodes: textObject(option.text),
  note: option.description?.text,
});
const personEntry = ({ id }) => ({
  value: id,
  words: `${displayName(id)} ${id}`,
  nodes: displayName(id),
  picture: avatar(id, null, "is-small"),
});
const channelEntry = (one) => ({
  value: one.id,
  words: channelTitle(one),
  nodes: `${one.is_im ? "" : "#"}${channelTitle(one)}`,
});

/** What a menu offers: groups of entries {value, words (searched), nodes (shown), note, picture}. */
export function groupsOf(source) {
  const type = source.type ?? "";
  if (type.includes("users")) return [{ entries: state.workspace.users.map(personEntry) }];
  if (type.includes("channels")) return [{ entries: channels().map(channelEntry) }];
  if (type.includes("conversations")) return [{ entries: conversations(source.filter).map(channelEntry) }];
  if (source.option_groups)
    return source.option_groups.map((group) => ({
      label: group.label.text,
      entries: group.options.map(optionEntry),
    }));
  return [{ entries: (source.options ?? []).map(optionEntry) }];
}

function conversations(filter) {
  const wanted = filter?.include;
  const rooms = !wanted || wanted.includes("public") || wanted.includes("private") ? channels() : [];
  const talks = !wanted || wanted.includes("im") || wanted.includes("mpim") ? directs() : [];
  const hideBots = filter?.exclude_bot_users;
  return [...rooms, ...talks.filter((one) => !hideBots || !one.members.some(isBot))];
}

/** What tells one value from another: an option's value, or an id. */
export const keyOf = (value) => (typeof value === "object" ? value.value : value);
export const same = (a, b) => a !== null && b !== null && keyOf(a) === keyOf(b);

/** A chosen value in words. */
export function nameOf(value) {
  if (typeof value === "object") return value.text.text;
  const room = state.workspace.channels.find((one) => one.id === value);
  return room ? `${room.is_im ? "" : "#"}${channelTitle(room)}` : displayName(value);
}

export const nameNodes = (value) => (typeof value === "object" ? textObject(value.text) : nameOf(value));
