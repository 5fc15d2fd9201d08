// What completion can draw on: the workspace's commands, people, channels and projects, and the app's words.

import { channels, isBot, mentionName, persons } from "./people.js";
import { state } from "./store.js";

export function known({ inThread }) {
  const { workspace, railway } = state;
  return {
    commands: inThread ? [] : (workspace?.commands ?? []),
    people: people(workspace?.bot),
    channels: channels().map((one) => ({ name: one.name, detail: one.topic ?? "" })),
    projects: (railway?.projects ?? []).filter((one) => !one.deleted_at).map((one) => one.name),
    written: written(),
  };
}

function people(bot) {
  const everybody = persons().map((one) => ({ name: one.name, detail: one.real_name }));
  return bot ? [...everybody, { name: mentionName(bot.id), detail: "app" }] : everybody;
}

/** The texts of the app that are on this page. */
function written() {
  const messages = [...state.messages.values()].flat().filter((one) => isBot(one.user));
  const home = (state.views.home?.blocks ?? []).map((block) => block.text?.text);
  return [...messages.map((one) => one.text), ...home].filter(Boolean);
}
