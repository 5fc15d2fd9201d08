// One message: who, when, what, and what can be done with it.

import * as api from "./api.js";
import { h } from "./vdom.js";
import { attachment } from "./attachments.js";
import { blocks } from "./blocks.js";
import { spinner, textButton } from "./controls.js";
import { ago, clock, exact, fromTs, full } from "./dates.js";
import { emojiNode } from "./emoji.js";
import { attachedFile } from "./files.js";
import { icon } from "./icons.js";
import { react, toolbar } from "./message_menu.js";
import { mrkdwn } from "./mrkdwn.js";
import { avatar, channel, displayName, isApp, user, viewerId } from "./people.js";
import { messageHash, threadHash } from "./router.js";
import { state } from "./store.js";
import { surfaceAt } from "./surfaces.js";
import { complain } from "./toast.js";

const SYSTEM = /^channel_(?:join|leave|topic|purpose|name|archive|unarchive)$/;

export const surfaceKey = (pane, channelId, message) => `${pane}/${channelId}/${message.ts}`;
export const authorOf = (message) => message.username || displayName(message.user);

/** `pane` is "list" or "thread"; `compact` leaves out the head when the same author goes on. */
export function messageRow(pane, channelId, message, { compact = false, focusable = false } = {}) {
  const place = surfaceAt(surfaceKey(pane, channelId, message), {
    kind: "message",
    channel: channelId,
    ts: message.ts,
    chosen: message.chosen?.[viewerId()],
  });
  const name = authorOf(message);
  const when = fromTs(message.ts);
  const mine = message.ephemeral ? "is-ephemeral" : "";
  const headed = !compact || message.ephemeral;
  return h(
    "li",
    {
      key: message.ts,
      class: `message ${headed ? "" : "is-compact"} ${mine}`,
      "data-ts": message.ts,
      tabindex: focusable ? "0" : "-1",
      "aria-label": `${name}, ${clock(when)}`,
    },
    toolbar(pane, channelId, message, place), // first, so that Tab reaches it from the message
    message.ephemeral ? ephemeralMark() : null,
    h(
      "div",
      { class: "message-side" },
      headed
        ? avatar(message.user, message.username)
        : h(
            "a",
            {
              class: "message-time is-hidden",
              href: messageHash(channel(channelId), message),
              title: full(when),
              tabindex: "-1",
            },
            clock(when),
          ),
    ),
    h(
      "div",
      { class: "message-main" },
      headed ? head(channelId, message, name, when) : null,
      message.subtype === "thread_broadcast" && pane === "list"
        ? h(
            "a",
            { class: "broadcast", href: threadHash(channel(channelId), message.thread_ts) },
            "replied to a thread",
          )
        : null,
      h("div", { class: "message-body" }, body(place, message, headed)),
      message.streaming_state === "in_progress" ? streaming(channelId, message) : null,
      message.assistant_status
        ? h("div", { class: "muted echo-state" }, spinner(), statusOf(message.assistant_status))
        : null,
      message.files?.length ? h("div", { class: "files" }, message.files.map(attachedFile)) : null,
      message.reactions?.length ? reactions(channelId, message) : null,
      message.ephemeral ? textButton("Dismiss", () => dismiss(channelId, message)) : null,
      pane === "list" && message.reply_count ? replies(channelId, message) : null,
    ),
  );
}

export const ephemeralMark = () =>
  h("div", { class: "ephemeral-mark" }, icon("eye"), h("span", {}, "Only visible to you"));

function head(channelId, message, name, when) {
  return h(
    "div",
    { class: "message-head" },
    h("span", { class: "author" }, name),
    isApp(message.user) || message.username
      ? h("span", { class: "badge", title: "An app, not a person" }, "App")
      : null,
    user(message.user)?.title && !isApp(message.user)
      ? h("span", { class: "muted author-title" }, user(message.user).title)
      : null,
    h(
      "a",
      { class: "message-time", href: messageHash(channel(channelId), message), title: full(when) },
      clock(when),
    ),
    message.blocks?.length ? editedMark(message) : null,
  );
}

const editedMark = ({ edited }) =>
  edited
    ? h(
        "span",
        {
          class: "edited",
          key: "edited",
          title: edited.ts ? `Edited at ${exact(fromTs(edited.ts))}` : "Edited",
        },
        "(edited)",
      )
    : null;

function body(place, message, headed) {
  const edited = editedMark(message);
  if (message.deleted) return h("span", { class: "muted" }, "This message was deleted.");
  if (SYSTEM.test(message.subtype ?? "")) return h("div", { class: "text muted" }, mrkdwn(message.text));
  const attachments = (message.attachments ?? []).map((one, i) => attachment(place, one, i));
  if (message.blocks?.length) return [blocks(place, message.blocks), attachments, headed ? null : edited];
  return [
    message.text ? h("div", { class: "text" }, mrkdwn(message.text), edited ? " " : null, edited) : edited,
    attachments,
  ];
}

function reactions(channelId, message) {
  return h(
    "div",
    { class: "reactions" },
    message.reactions.map((one) => {
      const mine = (one.users ?? []).includes(viewerId());
      const who = (one.users ?? []).map(displayName).join(", ");
      return h(
        "button",
        {
          key: one.name,
          type: "button",
          class: `reaction ${mine ? "is-mine" : ""}`,
          "aria-pressed": String(mine),
          title: `${who}: ${one.name}`,
          on: { click: () => react(channelId, message, one.name) },
        },
        emojiNode(one.name) ?? `:${one.name}:`,
        ` ${one.count ?? one.users?.length ?? 1}`,
      );
    }),
  );
}

function replies(channelId, message) {
  const count = message.reply_count;
  const last = message.latest_reply ? fromTs(message.latest_reply) : null;
  const faces = (message.reply_users ?? []).slice(0, 3);
  return h(
    "a",
    { class: "replies", href: threadHash(channel(channelId), message.ts) },
    faces.length
      ? h(
          "span",
          { class: "faces" },
          faces.map((id) => avatar(id, null, "is-small")),
        )
      : null,
    h("span", { class: "replies-count" }, `${count} ${count === 1 ? "reply" : "replies"}`),
    last ? h("span", { class: "muted" }, "Last reply ", ago(last)) : null,
  );
}

const statusOf = (status) => (typeof status === "object" ? (status.status ?? "") : status);

function streaming(channelId, message) {
  const stop = () => api.stopStream(state.viewer, channelId, message.ts).catch(complain);
  return h("div", { class: "echo-state" }, spinner(), "Writing…", textButton("Stop", stop));
}

const dismiss = (channelId, message) => api.dismiss(state.viewer, channelId, message.ts).catch(complain);
