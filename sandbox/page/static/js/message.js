// One message: who, when, what, and what can be done with it.

import * as api from "./api.js";
import { h } from "./vdom.js";
import { attachment } from "./attachments.js";
import { blocks } from "./blocks.js";
import { copy } from "./copy.js";
import { ago, clock, exact, fromTs, full } from "./dates.js";
import { emojiNode } from "./emoji.js";
import { attachedFile } from "./files.js";
import { icon } from "./icons.js";
import { asWords, mrkdwn } from "./mrkdwn.js";
import { avatar, channel, channelPath, displayName, isBot, user } from "./people.js";
import { besideAnchor, closeMenu, isOpen, moveAmongItems, openMenu } from "./popover.js";
import { go } from "./router.js";
import { state } from "./store.js";
import { surface, touch } from "./surfaces.js";
import { complain } from "./toast.js";

export const surfaceKey = (pane, channelId, message) => `${pane}/${channelId}/${message.ts}`;
export const authorOf = (message) => message.username || displayName(message.user);

/** `pane` is "list" or "thread"; `compact` leaves out the head when the same author goes on. */
export function messageRow(pane, channelId, message, { compact = false, focusable = false } = {}) {
  const place = surface(surfaceKey(pane, channelId, message), { kind: "message", channel: channelId, ts: message.ts });
  const name = authorOf(message);
  const when = fromTs(message.ts);
  const mine = message.ephemeral ? "is-ephemeral" : "";
  return h(
    "li",
    {
      key: message.ts,
      class: `message ${compact && !message.ephemeral ? "is-compact" : ""} ${mine}`,
      "data-ts": message.ts,
      tabindex: focusable ? "0" : "-1",
      "aria-label": `${name}, ${clock(when)}`,
    },
    message.ephemeral ? ephemeralMark() : null,
    h("div", { class: "message-side" }, compact && !message.ephemeral ? h("a", { class: "message-time is-hidden", href: permalink(channelId, message), title: full(when), tabindex: "-1" }, clock(when)) : avatar(message.user, message.username)),
    h(
      "div",
      { class: "message-main" },
      compact && !message.ephemeral ? null : head(channelId, message, name, when),
      h("div", { class: "message-body" }, body(place, message)),
      message.files?.length ? h("div", { class: "files" }, message.files.map(attachedFile)) : null,
      message.reactions?.length ? reactions(message.reactions) : null,
      message.ephemeral ? h("button", { type: "button", class: "link-button", on: { click: () => dismiss(channelId, message) } }, "Dismiss") : null,
      pane === "list" && message.reply_count ? replies(channelId, message) : null,
    ),
    toolbar(pane, channelId, message, place),
  );
}

export const ephemeralMark = () => h("div", { class: "ephemeral-mark" }, icon("eye"), h("span", {}, "Only visible to you"));

function head(channelId, message, name, when) {
  return h(
    "div",
    { class: "message-head" },
    h("span", { class: "author" }, name),
    isBot(message.user) || message.username ? h("span", { class: "badge", title: "An app, not a person" }, "App") : null,
    user(message.user)?.title && !isBot(message.user) ? h("span", { class: "muted author-title" }, user(message.user).title) : null,
    h("a", { class: "message-time", href: permalink(channelId, message), title: full(when) }, clock(when)),
  );
}

function body(place, message) {
  const edited = message.edited ? h("span", { class: "edited", key: "edited", title: message.edited.ts ? `Edited at ${exact(fromTs(message.edited.ts))}` : "Edited" }, "(edited)") : null;
  if (message.deleted) return h("span", { class: "muted" }, "This message was deleted.");
  const attachments = (message.attachments ?? []).map((one, i) => attachment(place, one, i));
  if (message.blocks?.length) return [blocks(place, message.blocks), attachments, edited];
  return [message.text ? h("div", { class: "text" }, mrkdwn(message.text), edited ? " " : null, edited) : edited, attachments];
}

function reactions(list) {
  return h("div", { class: "reactions" }, list.map((one) => h("span", { class: "reaction", key: one.name, title: `${(one.users ?? []).map(displayName).join(", ")}: ${one.name}` }, emojiNode(one.name) ?? `:${one.name}:`, ` ${one.count ?? one.users?.length ?? 1}`)));
}

function replies(channelId, message) {
  const count = message.reply_count;
  const last = message.latest_reply ? fromTs(message.latest_reply) : null;
  const faces = (message.reply_users ?? []).slice(0, 3);
  return h(
    "a",
    { class: "replies", href: threadPath(channelId, message.ts) },
    faces.length ? h("span", { class: "faces" }, faces.map((id) => avatar(id, null, "is-small"))) : null,
    h("span", { class: "replies-count" }, `${count} ${count === 1 ? "reply" : "replies"}`),
    last ? h("span", { class: "muted" }, "Last reply ", ago(last)) : null,
  );
}

function toolbar(pane, channelId, message, place) {
  const id = `${place.key}/menu`;
  const open = isOpen(id);
  const shortcuts = (state.workspace?.shortcuts ?? []).filter((one) => one.type === "message" && !message.ephemeral);
  const item = (words, run, glyph) => h("button", { type: "button", role: "menuitem", class: "menu-item", on: { click: () => { closeMenu({ refocus: true }); run(); } } }, icon(glyph), h("span", {}, words));
  return h(
    "div",
    { class: `toolbar ${open ? "is-open" : ""}` },
    pane === "list" && !message.ephemeral && !message.thread_ts ? reply(channelId, message) : pane === "list" && message.thread_ts === message.ts ? reply(channelId, message) : null,
    h("button", { type: "button", class: "icon-button", "aria-label": "More about this message", title: "More", "aria-haspopup": "menu", "aria-expanded": String(open), on: { click: () => (open ? closeMenu() : openMenu(id, () => touch(place))) } }, icon("dots")),
    open
      ? h(
          "div",
          { class: "menu", popover: "manual", role: "menu", "data-align": "end", hook: besideAnchor("[role=menuitem]"), on: { keydown: moveAmongItems } },
          shortcuts.map((one) => item(one.name, () => api.shortcut(state.viewer, one.callback_id, channelId, message.ts).catch(complain), "bolt")),
          shortcuts.length ? h("hr") : null,
          item("Copy text", () => copy(asWords(message.text)), "copy"),
          item("Copy link", () => copy(new URL(permalink(channelId, message), location.href).href, "Link copied"), "link"),
        )
      : null,
  );
}

const reply = (channelId, message) => h("button", { type: "button", class: "icon-button", "aria-label": "Reply in thread", title: "Reply in thread", on: { click: () => go(threadPath(channelId, message.ts)) } }, icon("reply"));

export const threadPath = (channelId, ts) => `#/channel/${encodeURIComponent(channelPath(channel(channelId)))}/thread/${ts}`;

function permalink(channelId, message) {
  const root = message.thread_ts ?? message.ts;
  return root === message.ts ? `#/channel/${encodeURIComponent(channelPath(channel(channelId)))}/message/${message.ts}` : threadPath(channelId, root);
}

async function dismiss(channelId, message) {
  try {
    await api.dismiss(state.viewer, channelId, message.ts);
  } catch (error) {
    complain(error);
  }
}
