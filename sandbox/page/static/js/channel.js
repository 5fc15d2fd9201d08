// The main pane: a channel's messages and its box.

import * as api from "./api.js";
import { h } from "./vdom.js";
import { composer } from "./composer.js";
import { echoesOf, merged } from "./echo.js";
import { feed } from "./feed.js";
import { icon } from "./icons.js";
import { inline } from "./mrkdwn.js";
import { avatar, channelTitle, isBot, partner, user } from "./people.js";
import { refreshWorkspace } from "./refresh.js";
import { state } from "./store.js";
import { complain, toast } from "./toast.js";

export const feedKey = (channelId) => `channel/${channelId}`;

export function channelPane(room) {
  const title = channelTitle(room);
  const messages = state.messages.get(room.id);
  return h(
    "main",
    { class: "main", key: "channel", id: "main", "aria-label": `${room.is_im ? "" : "#"}${title}` },
    h(
      "header",
      { class: "pane-head" },
      h("a", { class: "icon-button only-phone", href: "#/channels", "aria-label": "Back to the list" }, icon("back")),
      room.is_im ? avatar(partner(room)) : null,
      h(
        "div",
        { class: "pane-titles" },
        h("h1", { class: "pane-title" }, room.is_im ? null : h("span", { class: "pane-hash", "aria-hidden": "true" }, "#"), title, room.is_im && isBot(partner(room)) ? h("span", { class: "badge" }, "App") : null),
        h("p", { class: "muted pane-note" }, room.is_im ? user(partner(room))?.title || (isBot(partner(room)) ? "App" : "") : inline(topicOf(room))),
      ),
      room.is_im ? null : botMembership(room),
    ),
    messages
      ? feed({ key: `${state.viewer}/${feedKey(room.id)}`, pane: "list", channelId: room.id, items: merged(messages, echoesOf(room.id)), before: welcome(room, title, messages), newSince: state.firstUnread.get(room.id) ?? null, label: `Messages in ${title}` })
      : h("div", { class: "feed is-loading", key: "loading" }, h("span", { class: "spinner" }), "Loading messages…"),
    composer({ key: feedKey(room.id), id: "composer", channelId: room.id, placeholder: `Message ${room.is_im ? title : `#${title}`}` }),
  );
}

const topicOf = (room) => (typeof room.topic === "object" ? room.topic?.value : room.topic) ?? "";

function welcome(room, title, messages) {
  const command = state.workspace.commands?.[0]?.command;
  return h(
    "div",
    { class: `welcome ${messages.length ? "is-brief" : ""}`, key: "welcome" },
    h("h2", {}, room.is_im ? title : `#${title}`),
    h("p", { class: "muted" }, room.is_im ? "A private conversation." : "This is the beginning of the channel.", command && !messages.length ? [" Try ", h("code", { class: "code-span" }, `${command} help`), " in the box below."] : null),
  );
}

/** Whether the bot can speak here, and the way to change that. */
function botMembership(room) {
  const bot = state.workspace.bot;
  if (!bot || !room.members) return null;
  const inside = room.members.some(isBot);
  const change = async () => {
    try {
      await (inside ? api.kick(room.id) : api.invite(room.id));
      await refreshWorkspace();
      toast(inside ? `Removed @${bot.name} from #${room.name}` : `Invited @${bot.name} to #${room.name}`);
    } catch (error) {
      complain(error);
    }
  };
  return h("button", { type: "button", class: `button is-quiet bot-membership ${inside ? "" : "is-out"}`, title: inside ? "Remove the app from this channel" : "The app cannot speak here yet", on: { click: change } }, inside ? `@${bot.name} is here` : `Invite @${bot.name}`);
}
