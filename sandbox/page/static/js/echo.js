// What was typed here and is on its way, or was a command: Slack shows neither to others, so it lives in
// this page only.

import { h } from "./vdom.js";
import { spinner, textButton } from "./controls.js";
import { clock } from "./dates.js";
import { icon } from "./icons.js";
import { plainText } from "./mrkdwn.js";
import { avatar, displayName, viewerId } from "./people.js";
import { changed, state } from "./store.js";
import { ephemeralMark } from "./message.js";

const KEPT = 30;
const CLOCK_SLACK = 5; // ms by which a ts may be older than our note of the sending
let count = 0;

export function addEcho(fields) {
  count += 1;
  const echo = {
    echo: true,
    id: count,
    at: new Date(),
    viewer: state.viewer,
    status: "sending",
    note: null,
    ...fields,
  };
  state.echoes = [...state.echoes, echo].slice(-KEPT);
  changed();
  return echo;
}

export function updateEcho(echo, fields) {
  state.echoes = state.echoes.map((one) => (one.id === echo.id ? { ...one, ...fields } : one));
  changed();
}

export function dropEcho(echo) {
  state.echoes = state.echoes.filter((one) => one.id !== echo.id);
  changed();
}

/** The echoes that belong into one feed of the current viewer. */
export const echoesOf = (channelId, thread_ts = null) =>
  state.echoes.filter(
    (one) =>
      one.viewer === state.viewer && one.channel === channelId && (one.thread_ts ?? null) === thread_ts,
  );

/** Messages and echoes in one line, by time. */
export function merged(messages, all) {
  const echoes = all.filter(notYetThere(messages));
  const time = (item) => (item.echo ? item.at.getTime() : Number(item.ts) * 1000);
  return echoes.length ? [...messages, ...echoes].sort((a, b) => time(a) - time(b)) : messages;
}

/** A message may arrive by a hint before its own sending is answered: each own new one hides one echo. */
function notYetThere(messages) {
  const own = messages.filter((one) => one.user === viewerId()).map((one) => Number(one.ts));
  return (echo) => {
    if (echo.kind !== "message" || echo.status !== "sending") return true;
    const arrived = own.findIndex((ts) => ts * 1000 >= echo.at.getTime() - CLOCK_SLACK);
    if (arrived >= 0) own.splice(arrived, 1);
    return arrived < 0;
  };
}

export function echoRow(echo) {
  const command = echo.kind === "command";
  return h(
    "li",
    { key: `echo-${echo.id}`, class: `message is-echo is-${echo.status} ${command ? "is-ephemeral" : ""}` },
    command ? ephemeralMark() : null,
    h("div", { class: "message-side" }, avatar(viewerId())),
    h(
      "div",
      { class: "message-main" },
      h(
        "div",
        { class: "message-head" },
        h("span", { class: "author" }, displayName(viewerId())),
        h("span", { class: "message-time" }, clock(echo.at)),
      ),
      h(
        "div",
        { class: "message-body text" },
        command ? h("code", { class: "typed" }, echo.text) : plainText(echo.text),
      ),
      h("div", { class: "echo-state" }, stateOf(echo)),
    ),
  );
}

function stateOf(echo) {
  if (echo.status === "sending") return [spinner(), "Sending…"];
  const words = echo.status === "failed" ? [icon("alert"), h("span", {}, echo.note)] : [echo.note];
  const retry = echo.retry ? textButton("Try again", echo.retry) : null;
  return [words, retry, echo.kind === "command" ? textButton("Dismiss", () => dropEcho(echo)) : null];
}
