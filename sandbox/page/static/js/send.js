// Sending what was typed: a message as the viewer, or a slash command to the app.

import * as api from "./api.js";
import { addEcho, dropEcho, updateEcho } from "./echo.js";
import { jump } from "./feed.js";
import { refreshMessages, refreshThread } from "./refresh.js";
import { state } from "./store.js";
import { complain, toast } from "./toast.js";

export function send({ text, channelId, threadTs, feedKey }) {
  const command = /^\/\S+/.exec(text);
  if (command) sendCommand(text, channelId, threadTs);
  else sendMessage(text, channelId, threadTs);
  queueMicrotask(() => jump(`${state.viewer}/${feedKey}`));
}

async function sendCommand(
  text,
  channel,
  thread_ts,
  echo = addEcho({ kind: "command", channel, thread_ts, text }),
) {
  updateEcho(echo, { status: "sending", note: null, retry: null });
  const started = performance.now();
  try {
    const answer = await api.command(echo.viewer, channel, text, thread_ts ?? undefined);
    const problem = api.refusal(answer);
    if (problem && answer.status === 400) return updateEcho(echo, { status: "failed", note: problem });
    if (problem) throw new api.ApiError(problem, answer.status);
    const took = Math.round(answer.ack_ms ?? performance.now() - started);
    updateEcho(echo, { status: "done", note: `Acknowledged in ${took} ms` });
  } catch (error) {
    updateEcho(echo, {
      status: "failed",
      note: error.message,
      retry: () => sendCommand(text, channel, thread_ts, echo),
    });
  }
}

async function sendMessage(
  text,
  channel,
  thread_ts,
  echo = addEcho({ kind: "message", channel, thread_ts, text }),
) {
  updateEcho(echo, { status: "sending", note: null, retry: null });
  try {
    await api.say(echo.viewer, channel, text, thread_ts ?? undefined);
    await (thread_ts ? refreshThread(channel, thread_ts) : refreshMessages(channel));
    dropEcho(echo);
  } catch (error) {
    updateEcho(echo, {
      status: "failed",
      note: error.message,
      retry: () => sendMessage(text, channel, thread_ts, echo),
    });
  }
}

/** A shortcut from the composer's menu or, with a message, from that message's menu. */
export async function sendShortcut(shortcut, channel, ts) {
  try {
    const problem = api.refusal(await api.shortcut(state.viewer, shortcut.callback_id, channel, ts));
    if (problem) toast(problem, "error");
  } catch (error) {
    complain(error);
  }
}
