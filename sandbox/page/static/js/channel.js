// The main pane: a channel's messages and its box.

import * as api from "./api.js";
import { h } from "./vdom.js";
import { composer } from "./composer.js";
import { echoesOf, merged } from "./echo.js";
import { feed } from "./feed.js";
import { inline } from "./mrkdwn.js";
import { loading, paneHead, TO_LIST } from "./panes.js";
import { avatar, channelTitle, isApp, isBot, partner, user } from "./people.js";
import { refreshWorkspace } from "./refresh.js";
import { state } from "./store.js";
import { complain, toast } from "./toast.js";

export const feedKey = (channelId) => `channel/${channelId}`;

export function channelPane(room) {
  const name = room.is_im ? channelTitle(room) : `#${room.name}`;
  return h(
    "main",
    { class: "main", key: "channel", id: "main", "aria-label": name },
    room.is_im ? directHead(room) : channelHead(room),
    messagesOf(room, name),
    composer({ key: feedKey(room.id), id: "composer", channelId: room.id, placeholder: `Message ${name}` }),
  );
}

function channelHead(room) {
  const title = [h("span", { class: "pane-hash", "aria-hidden": "true" }, "#"), room.name];
  return paneHead({ back: TO_LIST, title, note: inline(room.topic ?? ""), tools: botMembership(room) });
}

function directHead(room) {
  const other = partner(room);
  const badge = isApp(other) ? h("span", { class: "badge" }, "App") : null;
  return paneHead({
    back: TO_LIST,
    picture: avatar(other),
    title: [channelTitle(room), badge],
    note: user(other)?.title || (badge && "Messages to the app"),
  });
}

function messagesOf(room, name) {
  const messages = state.messages.get(room.id);
  if (!messages) return loading("Loading messages…");
  return feed({
    key: `${state.viewer}/${feedKey(room.id)}`,
    pane: "list",
    channelId: room.id,
    items: merged(messages, echoesOf(room.id)),
    before: welcome(room, name, messages.length === 0),
    newSince: state.firstUnread.get(room.id) ?? null,
    label: `Messages in ${channelTitle(room)}`,
  });
}

function welcome(room, name, empty) {
  const command = empty ? state.workspace.commands?.[0]?.command : null;
  const words = room.is_im ? "A private conversation." : "This is the beginning of the channel.";
  const help = command && [
    " Try ",
    h("code", { class: "code-span" }, `${command} help`),
    " in the box below.",
  ];
  return h(
    "div",
    { class: `welcome ${empty ? "" : "is-brief"}`, key: "welcome" },
    h("h2", {}, name),
    h("p", { class: "muted" }, words, help),
  );
}

/** Whether the bot can speak here, and the way to change that. */
function botMembership(room) {
  const { bot } = state.workspace;
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
  return h(
    "button",
    {
      type: "button",
      class: `button is-quiet bot-membership ${inside ? "" : "is-out"}`,
      title: inside ? "Remove the app from this channel" : "The app cannot speak here yet",
      on: { click: change },
    },
    inside ? `@${bot.name} is here` : `Invite @${bot.name}`,
  );
}
