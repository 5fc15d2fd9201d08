// Sending what was typed: a message as the viewer, or a slash command to the app.

import * as api from "./api.js";
import { addEcho, dropEcho, updateEcho } from "./echo.js";
import { jump } from "./feed.js";
import { channels, persons } from "./people.js";
import { refreshMessages } from "./refresh.js";
import { state } from "./store.js";
import { complain } from "./toast.js";

export function send({ text, channelId, threadTs, feedKey }) {
  const command = /^\/\S+/.exec(text);
  if (command && threadTs) {
    addEcho({ kind: "command", channel: channelId, thread_ts: threadTs, text, status: "failed", note: `${command[0]} is not supported in threads. Sorry!` });
  } else if (command) sendCommand(text, channelId);
  else sendMessage(text, channelId, threadTs);
  queueMicrotask(() => jump(`${state.viewer}/${feedKey}`));
}

async function sendCommand(text, channel, echo = addEcho({ kind: "command", channel, text })) {
  const user = echo.viewer;
  updateEcho(echo, { status: "sending", note: null, retry: null });
  const started = performance.now();
  try {
    const answer = await api.command(user, channel, text);
    const took = Math.round(answer.ack_ms ?? performance.now() - started);
    updateEcho(echo, { status: "done", note: `Acknowledged in ${took} ms` });
  } catch (error) {
    updateEcho(echo, { status: "failed", note: error.message, retry: () => sendCommand(text, channel, echo) });
  }
}

async function sendMessage(text, channel, thread_ts, echo = addEcho({ kind: "message", channel, thread_ts, text: encode(text) })) {
  updateEcho(echo, { status: "sending", note: null, retry: null });
  try {
    await api.say(echo.viewer, channel, echo.text, thread_ts ?? undefined);
    await refreshMessages(channel);
    dropEcho(echo);
  } catch (error) {
    updateEcho(echo, { status: "failed", note: error.message, retry: () => sendMessage(text, channel, thread_ts, echo) });
  }
}

export async function sendShortcut(shortcut) {
  try {
    await api.shortcut(state.viewer, shortcut.callback_id);
  } catch (error) {
    complain(error);
  }
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** As Slack's own clients send it: entities escaped, people and channels by id. */
function encode(text) {
  const people = new Map([...persons(), ...(state.workspace?.bot ? [state.workspace.bot] : [])].map((one) => [one.name, one.id]));
  const rooms = new Map(channels().map((one) => [one.name, one.id]));
  return text
    .replace(/[&<>]/g, (letter) => ENTITIES[letter])
    .replace(/(^|[\s(])@([\w.-]*\w)/g, (whole, lead, name) => (people.has(name) ? `${lead}<@${people.get(name)}>` : whole))
    .replace(/(^|[\s(])#([\w-]+)/g, (whole, lead, name) => (rooms.has(name) ? `${lead}<#${rooms.get(name)}|${name}>` : whole))
    .replace(/(^|\s)@(here|channel|everyone)\b/g, "$1<!$2>");
}
