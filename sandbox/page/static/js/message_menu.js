// What can be done with a message: reply, react, copy, and the app's message shortcuts.

import * as api from "./api.js";
import { h } from "./vdom.js";
import { iconButton, menuButton, menuItem } from "./controls.js";
import { copy } from "./copy.js";
import { emojiNode } from "./emoji.js";
import { asWords } from "./mrkdwn.js";
import { channel } from "./people.js";
import { closeMenu, isOpen } from "./popover.js";
import { go, messageHash, threadHash } from "./router.js";
import { sendShortcut } from "./send.js";
import { state } from "./store.js";
import { touch } from "./surfaces.js";
import { complain } from "./toast.js";

const REACTIONS = ["+1", "eyes", "white_check_mark", "tada", "heart"];

export const react = (channelId, message, name) =>
  api.react(state.viewer, channelId, message.ts, name).catch(complain);

export function toolbar(pane, channelId, message, place) {
  const id = `${place.key}/menu`;
  const isRoot = !message.thread_ts || message.thread_ts === message.ts;
  const reply = () => go(threadHash(channel(channelId), message.ts));
  return h(
    "div",
    { class: `toolbar ${isOpen(id) ? "is-open" : ""}` },
    pane === "list" && isRoot && !message.ephemeral ? iconButton("reply", "Reply in thread", reply) : null,
    menuButton(
      id,
      () => touch(place),
      "dots",
      "More about this message",
      () => items(channelId, message),
      {
        align: "end",
      },
    ),
  );
}

function items(channelId, message) {
  const link = () => new URL(messageHash(channel(channelId), message), location.href).href;
  const copies = [
    menuItem("Copy text", () => copy(asWords(message.text)), { glyph: "copy" }),
    menuItem("Copy link", () => copy(link(), "Link copied"), { glyph: "link" }),
  ];
  if (message.ephemeral) return copies;
  const shortcuts = (state.workspace?.shortcuts ?? []).filter((one) => one.type === "message");
  return [
    h(
      "div",
      { class: "menu-row", role: "group", "aria-label": "React" },
      REACTIONS.map((name) => reaction(channelId, message, name)),
    ),
    shortcuts.map((one) =>
      menuItem(one.name, () => sendShortcut(one, channelId, message.ts), { glyph: "bolt" }),
    ),
    shortcuts.length ? h("hr") : null,
    copies,
  ];
}

function reaction(channelId, message, name) {
  const click = () => {
    closeMenu({ refocus: true });
    react(channelId, message, name);
  };
  const label = `React with ${name.replaceAll("_", " ")}`;
  return h(
    "button",
    { key: name, type: "button", role: "menuitem", class: "icon-button", "aria-label": label, on: { click } },
    emojiNode(name),
  );
}
