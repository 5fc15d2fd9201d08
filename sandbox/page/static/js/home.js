// The bot's App Home as the viewer sees it.

import * as api from "./api.js";
import { h, memo } from "./vdom.js";
import { blocks } from "./blocks.js";
import { icon } from "./icons.js";
import { avatar, directs, isBot, partner } from "./people.js";
import { go } from "./router.js";
import { state } from "./store.js";
import { surface, versionOf } from "./surfaces.js";
import { complain } from "./toast.js";

const cache = new Map();

export function openHome() {
  return api.openHome(state.viewer).catch(complain);
}

export function home() {
  const view = state.views.home;
  const bot = state.workspace.bot;
  const talk = directs().find((one) => isBot(partner(one)));
  return h(
    "main",
    { class: "main", key: "home", id: "main", "aria-label": "App Home" },
    h(
      "header",
      { class: "pane-head" },
      h("a", { class: "icon-button only-phone", href: "#/channels", "aria-label": "Back to the list" }, icon("back")),
      avatar(bot.id),
      h("div", { class: "pane-titles" }, h("h1", { class: "pane-title" }, bot.name), h("p", { class: "muted pane-note" }, "App Home")),
      talk ? h("button", { type: "button", class: "button", on: { click: () => go(`#/channel/${talk.id}`) } }, "Messages") : null,
    ),
    h(
      "div",
      { class: "home" },
      view
        ? memo(cache, "home", [view, versionOf(`home/${view.id}`), state.viewer, state.workspace], () => h("div", { class: "home-blocks" }, blocks(surface(`home/${view.id}`, { kind: "home", view_id: view.id, blocks: view.blocks, chosen: view.state?.values }), view.blocks)))
        : h("p", { class: "empty" }, "The app has published nothing here yet."),
    ),
  );
}
